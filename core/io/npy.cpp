#include "npy.hpp"

#include <algorithm>
#include <cctype>

#include "../error.hpp"
#include "little_endian.hpp"

namespace handgrad {

namespace {

constexpr std::size_t kAlignmentOfData = 64;

// "(3,)", "(3, 4)": as Python writes a tuple.
std::string tuple_text(std::span<const Index> sizes) {
    std::string text;
    for (const Index size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
    return "(" + text + (sizes.size() == 1 ? ",)" : ")");
}

// All that comes before the data.
std::vector<std::byte> header(const std::string& descr, std::span<const Index> shape) {
    std::string dictionary =
        "{'descr': " + descr + ", 'fortran_order': False, 'shape': " + tuple_text(shape) + ", }";
    const std::string magic("\x93NUMPY\1\0", 8);
    const std::size_t before = magic.size() + sizeof(std::uint16_t);
    const std::size_t unpadded = before + dictionary.size() + 1;
    dictionary.append((kAlignmentOfData - unpadded % kAlignmentOfData) % kAlignmentOfData, ' ');
    dictionary += '\n';
    if (dictionary.size() > UINT16_MAX)
        throw Error(ErrorKind::argument, "serialize_npy", "the header is too long",
                    std::to_string(dictionary.size()) + " bytes",
                    "at most " + std::to_string(UINT16_MAX));

    std::vector<std::byte> bytes;
    const auto append = [&](const std::string& text) {
        const auto view = std::as_bytes(std::span(text));
        bytes.insert(bytes.end(), view.begin(), view.end());
    };
    append(magic);
    detail::append_little_endian(bytes, static_cast<std::uint16_t>(dictionary.size()));
    append(dictionary);
    return bytes;
}

void append_row(std::vector<std::byte>& bytes, ConstMatrixView values, Index row) {
    const auto row_bytes =
        std::as_bytes(std::span(values.row(row), static_cast<std::size_t>(values.cols)));
    bytes.insert(bytes.end(), row_bytes.begin(), row_bytes.end());
}

bool is_identifier(const std::string& name) {
    return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return c == '_' || (c < 0x80 && std::isalnum(c) != 0);
           });
}

bool is_integers(const NpyField& field) { return field.values.data == nullptr; }

Index length(const NpyField& field) {
    return is_integers(field) ? static_cast<Index>(field.integers.size()) : field.values.rows;
}

}  // namespace

std::vector<std::byte> serialize_npy(ConstMatrixView values, std::span<const Index> shape) {
    // Compared without a product, which might overflow.
    Index left = values.rows * values.cols;
    bool fits = true;
    for (const Index size : shape) {
        fits = fits && size > 0 && left % size == 0;
        if (fits) left /= size;
    }
    if (!fits || left != 1)
        throw Error(ErrorKind::argument, "serialize_npy", "a shape of another size",
                    tuple_text(shape), shape_string(values));
    std::vector<std::byte> bytes = header("'<f4'", shape);
    bytes.reserve(bytes.size() + sizeof(float) * static_cast<std::size_t>(values.rows) *
                                     static_cast<std::size_t>(values.cols));
    for (Index i = 0; i < values.rows; ++i) append_row(bytes, values, i);
    return bytes;
}

std::vector<std::byte> serialize_npy(std::span<const NpyField> fields) {
    if (fields.empty()) throw Error(ErrorKind::argument, "serialize_npy", "no fields");
    const Index rows = length(fields.front());
    std::string descr;
    for (const NpyField& field : fields) {
        if (!is_identifier(field.name))
            throw Error(ErrorKind::argument, "serialize_npy", "the name of a field", field.name,
                        "letters, digits and underscores");
        if (length(field) != rows)
            throw Error(ErrorKind::argument, "serialize_npy", "the length of field " + field.name,
                        std::to_string(length(field)), std::to_string(rows));
        descr += (descr.empty() ? "" : ", ") + ("('" + field.name + "', ");
        const Index cols[] = {field.values.cols};
        descr += is_integers(field) ? "'<i4')" : "'<f4', " + tuple_text(cols) + ")";
    }
    const Index shape[] = {rows};
    std::vector<std::byte> bytes = header("[" + descr + "]", shape);
    for (Index i = 0; i < rows; ++i)
        for (const NpyField& field : fields) {
            if (is_integers(field))
                detail::append_little_endian(bytes, field.integers[static_cast<std::size_t>(i)]);
            else
                append_row(bytes, field.values, i);
        }
    return bytes;
}

}  // namespace handgrad
