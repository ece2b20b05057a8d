// NumPy's files of one array, written so that numpy.load reads them without pickle
// (numpy.lib.format, "Format Version 1.0"):
//
//   6 bytes   \x93NUMPY
//   2 bytes   1 0, the version
//   2 bytes   the length of the header, little-endian
//   header    a Python dictionary of descr, fortran_order and shape, padded with spaces and ended
//             by a line feed so that the data begin at a multiple of 64 bytes
//   data      the elements in C order, little-endian
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../export.hpp"
#include "../matrix.hpp"

namespace handgrad {

// An array of float32 ("<f4") of that shape, whose elements are those of the matrix row by row.
// Throws Error(argument) if there are more or fewer, or none.
HANDGRAD_API std::vector<std::byte> serialize_npy(ConstMatrixView values,
                                                  std::span<const Index> shape);

// A column of a structured array: one int32 ("<i4") for each row, or a row of a matrix. Exactly one
// of the two is given.
struct NpyField {
    std::string name;  // letters, digits, underscores
    std::span<const std::int32_t> integers{};
    ConstMatrixView values{};
};

// A structured array of one dimension: array["name"] has the shape (n) or (n, cols). Throws
// Error(argument) for fields of different lengths, for none, or for a name that is no identifier.
HANDGRAD_API std::vector<std::byte> serialize_npy(std::span<const NpyField> fields);

}  // namespace handgrad
