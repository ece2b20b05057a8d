#include "parameter.hpp"

#include <utility>

#include "error.hpp"

namespace handgrad {

// Floats from a parameter to the next one.
static Index size_in_memory(const Parameter& p) {
    return (p.value.cols + kBlockCols - 1) / kBlockCols * p.value.block_stride;
}

Parameter& ParameterArena::add(std::string name, Index rows, Index cols) {
    if (allocated_)
        throw Error(ErrorKind::argument, "ParameterArena", "parameter added after allocate()",
                    name);
    if (rows < 1 || cols < 1)
        throw Error(ErrorKind::argument, "ParameterArena", "empty parameter " + name,
                    std::to_string(rows) + " x " + std::to_string(cols), "at least 1 x 1");
    for (const Parameter& p : parameters_)
        if (p.name == name)
            throw Error(ErrorKind::argument, "ParameterArena", "two parameters of one name", name);
    const BlockedView shape{nullptr, rows, cols, kBlockCols, rows * kBlockCols};
    parameters_.push_back({std::move(name), shape, shape});
    return parameters_.back();
}

void ParameterArena::allocate() {
    if (allocated_) throw Error(ErrorKind::argument, "ParameterArena", "allocate() called twice");
    for (const Parameter& p : parameters_) size_ += size_in_memory(p);
    values_ = Matrix(1, size_);
    gradients_ = Matrix(1, size_);
    Index offset = 0;
    for (Parameter& p : parameters_) {
        p.offset = offset;
        p.value.data = values_.row(0) + offset;
        p.gradient.data = gradients_.row(0) + offset;
        offset += size_in_memory(p);
    }
    allocated_ = true;
}

Index ParameterArena::parameter_count() const {
    Index count = 0;
    for (const Parameter& p : parameters_) count += p.value.rows * p.value.cols;
    return count;
}

}  // namespace handgrad
