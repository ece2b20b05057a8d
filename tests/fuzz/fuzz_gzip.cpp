// Gzipped IDX files. An input that begins with an odd byte is what the file holds and is packed
// first, so that mutations get past the CRC-32: it must then be read, or refused, as the plain
// bytes are. Any other input is the file, without its first byte.
#include <zlib.h>

#include "../../core/io/gzip.hpp"
#include "../../core/io/idx.hpp"
#include "target.hpp"

using namespace handgrad;

namespace {

std::vector<std::byte> pack(const std::vector<std::byte>& content) {
    z_stream stream{};
    fuzz::require(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::vector<std::byte> packed(deflateBound(&stream, uLong(content.size())));
    stream.next_in =
        const_cast<Bytef*>(static_cast<const Bytef*>(static_cast<const void*>(content.data())));
    stream.avail_in = uInt(content.size());
    stream.next_out = static_cast<Bytef*>(static_cast<void*>(packed.data()));
    stream.avail_out = uInt(packed.size());
    fuzz::require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::vector<std::byte> content = fuzz::to_bytes(data + 1, size - 1);
    const bool is_content = data[0] % 2 == 1 && !is_gzip(content);
    const std::vector<std::byte> file = is_content ? pack(content) : content;
    IdxImages images;
    const bool accepted = fuzz::may_refuse([&] { images = parse_idx_images(file, "fuzz"); });
    fuzz::may_refuse([&] { parse_idx_labels(file, "fuzz"); });
    if (!is_content) return 0;
    IdxImages plain;
    const bool accepted_plain =
        fuzz::may_refuse([&] { plain = parse_idx_images(content, "fuzz"); });
    fuzz::require(accepted == accepted_plain);
    fuzz::require(images.pixels == plain.pixels && images.sha256 == plain.sha256);
    return 0;
}
