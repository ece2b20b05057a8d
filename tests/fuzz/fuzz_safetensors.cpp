// Safetensors files: read or refused; and what is read, written again, reads back the same.
#include "../../core/io/safetensors.hpp"
#include "target.hpp"

using namespace handgrad;

namespace {

// The tensors that a matrix can hold, as copy_to gives them.
std::vector<std::pair<std::string, Matrix>> copy_tensors(const SafetensorsFile& file) {
    std::vector<std::pair<std::string, Matrix>> copies;
    for (const auto& entry : file.tensors()) {
        const SafetensorsFile::Tensor& tensor = entry.second;
        if (tensor.shape.size() != 2 || tensor.shape[0] == 0 || tensor.shape[1] == 0) continue;
        if (tensor.dtype != "F32") continue;
        Matrix values(Index(tensor.shape[0]), Index(tensor.shape[1]));
        if (fuzz::may_refuse([&] { file.copy_to(entry.first, values, TensorLayout::as_is); }))
            copies.emplace_back(entry.first, std::move(values));
    }
    return copies;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::may_refuse([&] {
        const SafetensorsFile file(fuzz::to_bytes(data, size), "fuzz");
        if (file.has_checksum()) fuzz::may_refuse([&] { file.require_checksum(); });
        const auto copies = copy_tensors(file);
        std::vector<TensorToWrite> tensors;
        for (const auto& [name, values] : copies) tensors.push_back({name, values});
        const SafetensorsFile again(serialize_safetensors(tensors, file.metadata()), "again");
        again.require_checksum();
        fuzz::require(again.tensors().size() == copies.size());
        for (const auto& [name, values] : copies) {
            Matrix back(values.rows(), values.cols());
            again.copy_to(name, back, TensorLayout::as_is);
            for (Index i = 0; i < back.rows(); ++i)
                for (Index j = 0; j < back.cols(); ++j) fuzz::require(back(i, j) == values(i, j));
        }
    });
    return 0;
}
