// Products of any shape, dense and sparse, on every instruction set with a fused multiply-add: the
// same bits. Shape, kind and values come from the input.
#include <cmath>
#include <cstring>

#include "../../core/gemm.hpp"
#include "../../core/isa.hpp"
#include "../../core/sparse_gemm.hpp"
#include "target.hpp"

using namespace handgrad;

namespace {

// Reads numbers from the input; zeros when it has run out.
class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    std::uint8_t byte() { return place_ < size_ ? data_[place_++] : std::uint8_t(0); }
    Index size_up_to(Index most) { return 1 + byte() % most; }
    // Two bytes a number: many sizes, both signs, zeros and denormals among them, sums of some tens
    // finite.
    float value() {
        const int mantissa = byte() - 128, exponent = byte();
        if (exponent < 64) return 0;
        if (exponent == 64) return float(mantissa) * 0x1p-149f;
        return std::ldexp(float(mantissa), (exponent - 160) / 4);
    }
    Matrix matrix(Index rows, Index cols) {
        Matrix m(rows, cols);
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < cols; ++j) m(i, j) = value();
        return m;
    }

  private:
    const std::uint8_t* data_;
    std::size_t size_, place_ = 0;
};

// The elements, without padding.
std::vector<float> elements(const Matrix& m) {
    std::vector<float> values;
    for (Index i = 0; i < m.rows(); ++i)
        for (Index j = 0; j < m.cols(); ++j) values.push_back(m(i, j));
    return values;
}

enum class Kind { nn, nt, tn, sparse_nn, sparse_tn };

struct Product {
    Kind kind;
    Write write;
    Activation activation;
    bool has_bias;
    Matrix a, b, c, bias;

    std::vector<float> compute() const {
        Matrix result = copy(c);
        const Epilogue epilogue{.bias = has_bias ? bias.row(0) : nullptr, .activation = activation};
        SparseRows sparse, transposed;
        switch (kind) {
            case Kind::nn:
                gemm_nn(a, b, write, result, epilogue);
                break;
            case Kind::nt:
                gemm_nt(a, b, write, result);
                break;
            case Kind::tn:
                gemm_tn(a, b, write, result);
                break;
            case Kind::sparse_nn:
                sparse.assign(a);
                sparse_gemm(sparse, b, write, result, epilogue);
                break;
            case Kind::sparse_tn:
                sparse.assign(a);
                transposed.assign_transpose(sparse);
                sparse_gemm(transposed, b, write, result);
                break;
        }
        return elements(result);
    }
};

Product read_product(Input& input) {
    const Kind kind = static_cast<Kind>(input.byte() % 5);
    const std::uint8_t flags = input.byte();
    const Index m = input.size_up_to(70), n = input.size_up_to(100), k = input.size_up_to(40);
    const bool transposed_a = kind == Kind::tn || kind == Kind::sparse_tn;
    Matrix a = input.matrix(transposed_a ? k : m, transposed_a ? m : k);
    Matrix b = kind == Kind::nt ? input.matrix(n, k) : input.matrix(k, n);
    return {.kind = kind,
            .write = flags % 2 == 0 ? Write::overwrite : Write::accumulate,
            .activation = static_cast<Activation>(flags / 2 % 4),
            .has_bias = flags / 8 % 2 == 1,
            .a = std::move(a),
            .b = std::move(b),
            .c = input.matrix(m, n),
            .bias = input.matrix(1, n)};
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    Product product = read_product(input);
    select_isa(Isa::scalar);
    const std::vector<float> expected = product.compute();
    for (const Isa isa : supported_isas()) {
        if (isa == Isa::sse2) continue;
        select_isa(isa);
        fuzz::require(same_bits(product.compute(), expected));
    }
    // Skipping a zero may change the sign of a zero and nothing else.
    if (product.kind == Kind::sparse_nn || product.kind == Kind::sparse_tn) {
        product.kind = product.kind == Kind::sparse_nn ? Kind::nn : Kind::tn;
        if (product.kind == Kind::nn ||
            (product.activation == Activation::linear && !product.has_bias))
            fuzz::require(product.compute() == expected);
    }
    return 0;
}
