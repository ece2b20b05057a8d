// Safetensors files: named float32 tensors and string metadata in one file that PyTorch, NumPy and
// others read (https://github.com/huggingface/safetensors, README, "Format"):
//
//   8 bytes   N, the length of the header, little-endian
//   N bytes   JSON: {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ...,
//             "__metadata__": {"key": "value", ...}}, padded with spaces
//   the rest  the tensors, row-major, little-endian, one after another without gaps
//
// The format has no checksum. Ours have one, as the first of the metadata, "sha256": the SHA-256 of
// the whole file with 64 zeros in the place of the value itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../export.hpp"
#include "../matrix.hpp"

namespace handgrad {

// How a matrix in memory relates to the tensor in the file. A weight is (in, out) in memory and
// PyTorch's (out, in) in files; a vector is (1, n) in memory and has one dimension in files.
enum class TensorLayout { as_is, transposed, vector };

// A tensor to write: a window on memory that need not be contiguous.
struct TensorToWrite {
    std::string name;
    ConstBlockedView values;
    TensorLayout layout = TensorLayout::as_is;
};

using Metadata = std::map<std::string, std::string>;

// The bytes of a file with a checksum, whatever `metadata` has as "sha256". Tensors are sorted by
// name and copied once, into the result. Throws Error(argument) for two tensors of one name, a
// tensor called "__metadata__", a vector of more than one row, or text that is not UTF-8.
HANDGRAD_API std::vector<std::byte> serialize_safetensors(std::vector<TensorToWrite> tensors,
                                                          Metadata metadata);

// Whether a file with these first 64 bytes, or all that it has, was written with
// serialize_safetensors: the checksum stands first, where no other writer has it.
HANDGRAD_API bool begins_as_own_safetensors(std::string_view begin);

// A file that was read; copy_to takes its tensors out.
class HANDGRAD_API SafetensorsFile {
  public:
    // Checks everything that can be checked before a value is used; `path` names the file in
    // errors. Throws Error(input), naming the field, for a header that is cut, too long, no JSON
    // object of the form above, or has a key twice; a dtype, shape or offset that is not what it
    // must be; tensors that overlap, leave gaps or do not fill the file exactly. The rules are
    // those of the reference implementation (safetensors/src/tensor.rs); beyond it, fields that the
    // format does not know and shapes of more than 64 dimensions are refused, more than 65,536
    // tensors or metadata, and a header above 16 MiB, where the reference takes 100 MB.
    SafetensorsFile(std::vector<std::byte> bytes, std::string path);

    // What the header says of a tensor.
    struct Tensor {
        std::string dtype;
        std::vector<std::uint64_t> shape;
        std::uint64_t begin = 0, end = 0;  // in bytes, from the start of the data
    };

    // All there are, by name.
    const std::map<std::string, Tensor>& tensors() const { return tensors_; }
    const Metadata& metadata() const { return metadata_; }

    // Both throw Error(input) if there is none of that name.
    const Tensor& tensor(const std::string& name) const;
    const std::string& metadata(const std::string& key) const;

    // Files of other writers have no checksum. A damaged file may not either: who knows that the
    // file must have one goes straight to require_checksum().
    bool has_checksum() const;
    // Throws Error(input) if there is no checksum or it is not that of the content.
    void require_checksum() const;

    // Copies a tensor into `values`. Throws Error(input), and has written nothing then, if it is
    // missing, not F32, of another shape than `values` in this layout, or has a value that is not
    // finite.
    void copy_to(const std::string& name, BlockedView values, TensorLayout layout) const;

  private:
    std::size_t header_length() const;
    void check_places() const;
    [[noreturn]] void refuse(const std::string& what, const std::string& found,
                             const std::string& expected) const;

    std::vector<std::byte> bytes_;
    std::string path_;
    std::size_t data_begin_ = 0;
    std::map<std::string, Tensor> tensors_;
    Metadata metadata_;
};

}  // namespace handgrad
