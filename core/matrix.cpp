#include "matrix.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "error.hpp"

namespace handgrad {

static float* allocate_floats(Index count) {
    void* memory = ::operator new(static_cast<std::size_t>(count) * sizeof(float),
                                  std::align_val_t(kAlignment));
    std::memset(memory, 0, static_cast<std::size_t>(count) * sizeof(float));
    return static_cast<float*>(memory);
}

static void release_floats(float* data) {
    if (data != nullptr) ::operator delete(data, std::align_val_t(kAlignment));
}

Matrix::Matrix(Index rows, Index cols) {
    const Index most = std::numeric_limits<Index>::max() / Index(sizeof(float));
    if (rows < 0 || cols < 0 || cols > most - 2 * kFloatsPerLine ||
        (rows > 0 && padded_ld(cols) > most / rows))
        throw Error(ErrorKind::argument, "Matrix", "impossible size",
                    std::to_string(rows) + " x " + std::to_string(cols));
    capacity_ = rows * padded_ld(cols);
    if (capacity_ > 0) view_.data = allocate_floats(capacity_);
    view_.rows = rows;
    view_.cols = cols;
    view_.ld = padded_ld(cols);
}

Matrix::Matrix(Matrix&& other) noexcept
    : view_(std::exchange(other.view_, {})), capacity_(std::exchange(other.capacity_, 0)) {}

Matrix& Matrix::operator=(Matrix&& other) noexcept {
    if (this != &other) {
        release_floats(view_.data);
        view_ = std::exchange(other.view_, {});
        capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
}

Matrix::~Matrix() { release_floats(view_.data); }

MatrixView Matrix::resize(Index rows, Index cols) {
    if (rows * padded_ld(cols) > capacity_) {
        *this = Matrix(rows, cols);
    } else {
        view_ = {view_.data, rows, cols, padded_ld(cols)};
    }
    return view_;
}

Matrix copy(ConstMatrixView source) {
    Matrix result(source.rows, source.cols);
    for (Index i = 0; i < source.rows; ++i) std::copy_n(source.row(i), source.cols, result.row(i));
    return result;
}

std::string shape_string(ConstBlockedView m) {
    return std::to_string(m.rows) + " x " + std::to_string(m.cols);
}

void check_shape(const char* where, ConstBlockedView m, Index rows, Index cols) {
    if (m.rows != rows || m.cols != cols)
        throw Error(ErrorKind::argument, where, "wrong shape", shape_string(m),
                    std::to_string(rows) + " x " + std::to_string(cols));
}

}  // namespace handgrad
