// What one instruction set offers: a struct of function pointers, filled once per isa_*.cpp.
//
// Rules for every kernel:
//   - It works for any n >= 0; pointers need no alignment beyond that of float.
//   - Inputs and outputs do not overlap unless the comment says "in place".
//   - No allocation, no exception, no thread, no global state.
//   - The bits are the same for scalar, avx2, avx512 and neon: only IEEE operations and explicit
//     fma, one fixed order of operations per result. Sums use 16 virtual lanes: element j goes to
//     lane j mod 16, every lane is one chain in increasing j, and the lanes are then added in a
//     fixed tree. sse2 has no fma and follows within the usual error of a*b + c.
#pragma once

#include <cstdint>

#include "../isa.hpp"
#include "../matrix.hpp"

namespace handgrad {

// Element-wise function that a dense layer applies to its product. Each derivative can be written
// in terms of the output y, so no layer keeps its pre-activation.
enum class Activation { linear, relu, tanh, sigmoid };

namespace kernels {

// One panel of B, its columns in blocks of 16, times some rows of A: C(m, n) = A(m, k) B(k, n);
// see gemm.inl.hpp.
struct GemmPanel {
    Index m = 0, n = 0, k = 0;  // 1 <= n <= nr: the panel's columns that exist in C
    const float* a = nullptr;   // row-major (m, k), or tiles as pack_a_transposed leaves them
    Index lda = 0;
    bool a_packed = false;
    const float* b = nullptr;  // element (p, j): b[j / 16 * b_block_stride + p * ldb + j % 16]
    Index ldb = kBlockCols, b_block_stride = 0;
    float* c = nullptr;  // element (i, j): c[j / 16 * c_block_stride + i * ldc + j % 16]
    Index ldc = 0;
    Index c_block_stride = kBlockCols;
    bool continue_chain = false;  // every chain starts from C instead of +0
    const float* bias = nullptr;  // n floats added to each finished chain, or null for none
    Activation activation = Activation::linear;  // applied last; only to a row-major C
};

// A panel of B's columns times the listed non-zeros of some columns of A, for all rows of A;
// see sparse.inl.hpp. The non-zeros of row i are value[e] in column index[e], for e
// from begin[i * begin_stride] to begin[i * begin_stride + 1].
struct SparsePanel {
    Index rows = 0, n = 0;  // of C; n <= sparse_nr
    const std::uint32_t* begin = nullptr;
    Index begin_stride = 1;
    const std::uint16_t* order = nullptr;  // the rows, in the order in which to take them
    const std::uint16_t* index = nullptr;
    const float* value = nullptr;
    const float* b = nullptr;  // in column blocks, as in GemmPanel, with rows ldb apart
    Index ldb = kBlockCols, b_block_stride = kBlockCols;
    float* c = nullptr;
    Index ldc = 0, c_block_stride = kBlockCols;
    bool continue_chain = false;
    const float* bias = nullptr;
    Activation activation = Activation::linear;  // only to a row-major C
};

// One Adam step with the scalars of step t folded in double beforehand:
//   m += (g - m) * one_minus_beta1;  v += (g * g - v) * one_minus_beta2
//   keras:  w -= step_size * m / (sqrt(v) + epsilon)
//   torch:  w -= step_size * m / (sqrt(v) / root_bias_correction + epsilon)
// which are one formula, since root_bias_correction is 1 for keras. If it is delayed, w moves by
// the m and v of before. |m| < 1e-30 and v < 1e-36 become +0: they would decay into denormals and
// slow every later step down.
struct AdamStep {
    float one_minus_beta1, one_minus_beta2;
    float step_size;
    float root_bias_correction;
    float epsilon;
    bool delayed = false;
};

// The kernels of one instruction set.
struct KernelTable {
    Isa isa;

    // --- GEMM (gemm.inl.hpp) ---
    Index mr, nr;  // the micro-tile: rows of A by columns of B held in registers
    // Packs the row-major (k, n) block b, n <= nr, into a panel: blocks of (k, 16) floats, or, if
    // nr < 16, the first nr columns of one.
    void (*pack_b)(const float* b, Index ldb, Index k, Index n, float* panel);
    // The same from B's transpose (n, k), whose element (j, p) is
    // bt[p / 16 * block_stride + j * ldbt + p % 16].
    void (*pack_b_transposed)(const float* bt, Index ldbt, Index block_stride, Index k, Index n,
                              float* panel);
    // Packs the row-major (k, m) block at, i.e. m rows of A = at transposed, into m * k floats.
    void (*pack_a_transposed)(const float* at, Index ldat, Index k, Index m, float* tiles);
    void (*gemm_panel)(const GemmPanel& panel);

    // --- Sparse products (sparse.inl.hpp) ---
    Index sparse_nr;  // columns of C held in registers
    void (*sparse_panel)(const SparsePanel& panel);

    // --- Functions of one array (math.inl.hpp): y[i] = f(x[i]); in place allowed ---
    void (*exp)(const float* x, float* y, Index n);
    void (*expm1)(const float* x, float* y, Index n);
    void (*log)(const float* x, float* y, Index n);
    void (*log1p)(const float* x, float* y, Index n);
    void (*sigmoid)(const float* x, float* y, Index n);
    void (*tanh)(const float* x, float* y, Index n);
    void (*softplus)(const float* x, float* y, Index n);
    void (*sin)(const float* x, float* y, Index n);
    void (*cos)(const float* x, float* y, Index n);

    // --- Activations (activation.inl.hpp) ---
    // y = f(x); in place allowed.
    void (*activation_forward)(Activation f, const float* x, float* y, Index n);
    // dx = dy * f'(x), with f'(x) computed from y = f(x); dx may be dy.
    void (*activation_backward)(Activation f, const float* dy, const float* y, float* dx, Index n);

    // --- Losses (losses.inl.hpp): return the sum over n elements; the gradient is multiplied by
    // `scale`; a null gradient pointer asks for the sum alone ---
    float (*bce_with_logits)(const float* logits, const float* targets, float scale, float* dlogits,
                             Index n);
    float (*bce_with_probabilities)(const float* probabilities, const float* targets, float scale,
                                    float* dprobabilities, Index n);
    float (*bce_with_clamped_logs)(const float* probabilities, const float* targets, float scale,
                                   float* dprobabilities, Index n);
    float (*continuous_bernoulli)(const float* logits, const float* targets, float scale,
                                  float* dlogits, Index n);
    float (*mse)(const float* y, const float* targets, float scale, float* dy, Index n);
    // dmu and dlogvar are both null or both given.
    float (*kl_divergence)(const float* mu, const float* logvar, float scale, float* dmu,
                           float* dlogvar, Index n);

    // --- Gaussian latent (latent.inl.hpp) ---
    // deviation = exp(clamp(logvar) / 2) * noise;  z = mu + deviation
    void (*reparameterize)(const float* mu, const float* logvar, const float* noise,
                           float* deviation, float* z, Index n);
    // dmu += dz;  dlogvar += 0.5 * dz * deviation, or nothing where logvar was clamped
    void (*reparameterize_backward)(const float* dz, const float* logvar, const float* deviation,
                                    float* dmu, float* dlogvar, Index n);

    // --- Optimisers (optimizers.inl.hpp), in place on w, m, v ---
    void (*adam)(const AdamStep& step, const float* gradient, float* w, float* m, float* v,
                 Index n);
    // velocity = momentum * velocity - learning_rate * gradient;  w += velocity
    void (*sgd)(float learning_rate, float momentum, const float* gradient, float* w,
                float* velocity, Index n);

    // --- Sums and small helpers (vector.inl.hpp) ---
    // Column sums: y[j] = (accumulate ? y[j] : +0) + x[0][j] + x[1][j] + ..., one chain per column.
    void (*sum_rows)(const float* x, Index ldx, Index rows, Index cols, bool accumulate, float* y);
    float (*sum_squares)(const float* x, Index n);
    void (*scale)(float factor, float* x, Index n);  // x *= factor, +0 below 1e-30

    // --- The measure of all kernels (peak.inl.hpp) ---
    // `steps` rounds of fmas in registers alone; returns how many operations that was (an fma is
    // two) and adds their result to *sink.
    double (*run_fmas)(Index steps, float* sink);
    // Loads n floats, but for a tail of less than 128, and adds something that depends on them to
    // *sink.
    void (*read_floats)(const float* x, Index n, float* sink);

    // --- Random numbers and pixels (random.inl.hpp) ---
    // Box-Muller on pairs of 32-bit words: bits[2i], bits[2i+1] give normal[2i], normal[2i+1].
    void (*normal_from_bits)(const std::uint32_t* bits, float* normal, Index pairs);
    // y[i] = pixels[i] / 255, correctly rounded.
    void (*pixels_to_float)(const std::uint8_t* pixels, float* y, Index n);
};

extern const KernelTable scalar_kernels;
extern const KernelTable sse2_kernels;
extern const KernelTable avx2_kernels;
extern const KernelTable avx512_kernels;
extern const KernelTable neon_kernels;

}  // namespace kernels
}  // namespace handgrad
