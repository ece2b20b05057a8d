// Products of any shape, dense and sparse, with every layout of the weights, on every instruction
// set with a fused multiply-add and any number of threads: the same bits. All from the input.
#include <cmath>
#include <cstring>

#include "../../core/isa.hpp"
#include "../../core/parallel.hpp"
#include "../../core/sparse_gemm.hpp"
#include "../support/collecting_sinks.hpp"
#include "target.hpp"

using namespace handgrad;

namespace {

// Reads numbers from the input. When it has run out they go on from a hash of what was read, so
// that a few bytes make large operands without a zero.
class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    std::uint8_t byte() {
        const std::uint8_t value = place_ < size_ ? data_[place_++] : std::uint8_t(hash_ >> 56);
        hash_ = (hash_ + value + 1) * 0x9E3779B97F4A7C15;
        return value;
    }
    bool flag() { return byte() % 2 == 1; }
    Index up_to(Index most) { return 1 + byte() % most; }
    // Two bytes a number: many sizes, both signs, zeros and denormals among them; sums of some
    // hundreds of products are finite.
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
    std::uint64_t hash_ = 0;
};

// A matrix in column blocks, as weights are.
class Blocked {
  public:
    explicit Blocked(ConstMatrixView m) : parameter_(arena_.add("m", m.rows, m.cols)) {
        arena_.allocate();
        for (Index i = 0; i < m.rows; ++i)
            for (Index j = 0; j < m.cols; ++j) view()(i, j) = m(i, j);
    }
    BlockedView view() const { return parameter_.value; }
    // The columns that fill up the last block.
    bool padding_is_zero() const {
        for (Index i = 0; i < view().rows; ++i)
            for (Index j = view().cols; j % kBlockCols != 0; ++j)
                if (*view().at(i, j) != 0) return false;
        return true;
    }

  private:
    ParameterArena arena_;
    const Parameter& parameter_;
};

// The elements, without padding.
std::vector<float> elements(ConstBlockedView m) {
    std::vector<float> values;
    for (Index i = 0; i < m.rows; ++i)
        for (Index j = 0; j < m.cols; ++j) values.push_back(m(i, j));
    return values;
}

enum class Kind { nn, nt, tn, sparse_nn, sparse_tn };
// Where C goes to.
enum class Result { rows, blocks, sink };

struct Product {
    Kind kind;
    Write write;
    Activation activation;
    bool has_bias, blocked_b;
    Result result;
    Index m, n;
    Matrix a, b, c, bias;

    bool is_sparse() const { return kind == Kind::sparse_nn || kind == Kind::sparse_tn; }

    std::vector<float> compute() const {
        if (!blocked_b) return compute(b);
        const Blocked blocks(b);
        return compute(blocks.view());
    }

  private:
    std::vector<float> compute(ConstBlockedView weight) const {
        switch (result) {
            case Result::rows: {
                Matrix row_major = copy(c);
                multiply(weight, row_major.view());
                return elements(row_major);
            }
            case Result::blocks: {
                const Blocked blocks(c);
                multiply(weight, blocks.view());
                fuzz::require(blocks.padding_is_zero());
                return elements(blocks.view());
            }
            case Result::sink:
                break;
        }
        test::CollectingTileSink sink(m, n);
        if (kind == Kind::tn)
            gemm_tn(a, b, sink);
        else
            sparse_gemm(list(), weight, sink);
        fuzz::require(sink.each_once());
        return elements(sink.result);
    }

    // View: of a row-major matrix or of one in blocks, which only some products write.
    template <class View>
    void multiply(ConstBlockedView weight, View out) const {
        const Epilogue epilogue{.bias = has_bias ? bias.row(0) : nullptr, .activation = activation};
        if (is_sparse()) return sparse_gemm(list(), weight, write, out, epilogue);
        if (kind == Kind::tn) return gemm_tn(a, b, write, out);
        if constexpr (std::is_same_v<View, MatrixView>) {
            if (kind == Kind::nn) gemm_nn(a, weight, write, out, epilogue);
            if (kind == Kind::nt) gemm_nt(a, weight, write, out);
        }
    }

    SparseRows list() const {
        SparseRows sparse, transposed;
        sparse.assign(a);
        if (kind == Kind::sparse_nn) return sparse;
        transposed.assign_transpose(sparse);
        return transposed;
    }
};

Product read_product(Input& input) {
    const Kind kind = static_cast<Kind>(input.byte() % 5);
    Product p{.kind = kind,
              .write = input.flag() ? Write::accumulate : Write::overwrite,
              .activation = static_cast<Activation>(input.byte() % 4),
              .has_bias = input.flag(),
              .blocked_b = input.flag() && kind != Kind::tn,
              .result = static_cast<Result>(input.byte() % 3),
              .m = 0,
              .n = 0,
              .a = {},
              .b = {},
              .c = {},
              .bias = {}};
    // Only weights, and thus their gradients, lie in blocks or are taken by a sink.
    if (kind == Kind::nn || kind == Kind::nt) p.result = Result::rows;
    if (p.result != Result::rows) p.activation = Activation::linear;
    if (p.result == Result::sink) {
        p.write = Write::overwrite;
        p.has_bias = false;
    }
    // Wide, or beyond a panel's depth and a tile of a sparse row; small enough to be fast.
    const bool is_deep = input.byte() % 4 == 3;
    p.m = input.up_to(is_deep ? 13 : 70);
    p.n = input.up_to(is_deep ? 51 : 100);
    const Index k = input.up_to(40) + (is_deep ? 3 * input.byte() : 0);
    const bool transposed_a = kind == Kind::tn || kind == Kind::sparse_tn;
    p.a = input.matrix(transposed_a ? k : p.m, transposed_a ? p.m : k);
    p.b = kind == Kind::nt ? input.matrix(p.n, k) : input.matrix(k, p.n);
    p.bias = input.matrix(1, p.n);
    p.c = input.matrix(p.m, p.n);
    return p;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    set_thread_count(1);
    const int threads = input.byte() % 8 == 7 ? 3 : 1;
    Product product = read_product(input);
    select_isa(Isa::scalar);
    const std::vector<float> expected = product.compute();
    set_thread_count(threads);
    for (const Isa isa : supported_isas()) {
        if (isa == Isa::sse2) continue;
        select_isa(isa);
        fuzz::require(same_bits(product.compute(), expected));
    }
    // Weights in rows, C in rows: the layout changes nothing.
    product.blocked_b = false;
    product.result = Result::rows;
    fuzz::require(same_bits(product.compute(), expected));
    // Skipping a zero may change the sign of a zero and nothing else.
    if (product.is_sparse()) {
        const bool is_plain = product.activation == Activation::linear && !product.has_bias;
        product.kind = product.kind == Kind::sparse_nn ? Kind::nn : Kind::tn;
        if (product.kind == Kind::nn || is_plain) fuzz::require(product.compute() == expected);
    }
    return 0;
}
