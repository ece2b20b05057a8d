// IDX files, plain: whatever the bytes are, they are read or refused with an Error.
#include <cstring>

#include "../../core/error.hpp"
#include "../../core/io/idx.hpp"
#include "target.hpp"

using namespace handgrad;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::vector<std::byte> bytes = fuzz::to_bytes(data, size);
    fuzz::may_refuse([&] {
        const IdxImages images = parse_idx_images(bytes, "fuzz");
        fuzz::require(Index(images.pixels.size()) == images.count * images.rows * images.cols);
        fuzz::require(images.count > 0 && images.rows > 0 && images.cols > 0);
        fuzz::require(images.pixels.size() + 16 == size);
    });
    fuzz::may_refuse([&] {
        for (const std::uint8_t label : parse_idx_labels(bytes, "fuzz").labels)
            fuzz::require(label <= 9);
    });
    return 0;
}
