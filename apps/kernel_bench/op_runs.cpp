#include "op_runs.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>

#include "../common/batches.hpp"
#include "operands.hpp"

namespace handgrad::apps::kernel_bench {

namespace {

using Run = std::function<void()>;

// --- Products: s.m, s.n, s.k as profiles give them ---

Run gemm_nn_run(const OpShape& s) {
    const auto a = shared_matrix(s.m, s.k), c = shared_matrix(s.m, s.n);
    const auto b = shared_weight(s.k, s.n);
    return [=] { gemm_nn(*a, b->parameter.value, Write::overwrite, *c); };
}

Run gemm_nt_run(const OpShape& s) {
    const auto a = shared_matrix(s.m, s.k), c = shared_matrix(s.m, s.n);
    const auto b = shared_weight(s.n, s.k);
    return [=] { gemm_nt(*a, b->parameter.value, Write::overwrite, *c); };
}

Run gemm_tn_run(const OpShape& s) {
    const auto a = shared_matrix(s.k, s.m), b = shared_matrix(s.k, s.n, 2);
    const auto c = shared_weight(s.m, s.n);
    return [=] { gemm_tn(*a, *b, Write::overwrite, c->parameter.gradient); };
}

Run gemm_tn_fused_run(const OpShape& s, const char* optimizer) {
    const auto a = shared_matrix(s.k, s.m), b = shared_matrix(s.k, s.n, 2);
    const auto fused = std::make_shared<FusedWeight>(s.m, s.n, optimizer);
    return [=] { gemm_tn(*a, *b, fused->sink); };
}
Run gemm_tn_adam_run(const OpShape& s) { return gemm_tn_fused_run(s, "adam"); }
Run gemm_tn_sgd_run(const OpShape& s) { return gemm_tn_fused_run(s, "sgd"); }

// A batch of images as sparse rows; of a digit's density if none is given.
std::shared_ptr<SparseBatch> random_batch(Index images, Index features, double density) {
    SparseImages({}, features);  // too many are refused before they are drawn
    const auto pixels = random_pixels(images * features, density == 1 ? 0.19 : density, 3);
    std::vector<std::uint32_t> positions(static_cast<std::size_t>(images));
    std::iota(positions.begin(), positions.end(), 0u);
    const auto batch = std::make_shared<SparseBatch>();
    batch->gather(SparseImages(pixels, features), positions);
    return batch;
}

Run sparse_gemm_nn_run(const OpShape& s) {
    const auto batch = random_batch(s.m, s.k, s.density);
    const auto b = shared_weight(s.k, s.n);
    const auto c = shared_matrix(s.m, s.n);
    return [=] { sparse_gemm(batch->x, b->parameter.value, Write::overwrite, *c); };
}

Run sparse_gemm_tn_run(const OpShape& s) {
    const auto batch = random_batch(s.k, s.m, s.density);
    const auto b = shared_matrix(s.k, s.n);
    const auto c = shared_weight(s.m, s.n);
    return [=] { sparse_gemm(batch->transposed, *b, Write::overwrite, c->parameter.gradient); };
}

Run sparse_gemm_tn_adam_run(const OpShape& s) {
    const auto batch = random_batch(s.k, s.m, s.density);
    const auto b = shared_matrix(s.k, s.n);
    const auto fused = std::make_shared<FusedWeight>(s.m, s.n, "adam");
    return [=] { sparse_gemm(batch->transposed, *b, fused->sink); };
}

// --- Element by element: m rows, n columns ---

// Operands a in [low, high], b in [0, 1], e in [-1, 1]; results c and d.
struct Arrays {
    Arrays(const OpShape& s, float low, float high)
        : a(random_matrix(s.m, s.n, 1, low, high)),
          b(random_matrix(s.m, s.n, 2, 0, 1)),
          c(s.m, s.n),
          d(s.m, s.n),
          e(random_matrix(s.m, s.n, 3)) {}
    Matrix a, b, c, d, e;
};

std::shared_ptr<Arrays> make_arrays(const OpShape& s, float low = -1, float high = 1) {
    return std::make_shared<Arrays>(s, low, high);
}

Run sum_rows_run(const OpShape& s) {
    const auto x = make_arrays(s);
    return [=, y = std::make_shared<Matrix>(1, s.n)] { sum_rows(x->a, Write::overwrite, *y); };
}

Run activation_backward_run(const OpShape& s) {
    const auto x = make_arrays(s);
    return [=] { activation_backward(x->a, x->e, Activation::relu, x->c); };
}

// What makes pixels of logits.
Run sigmoid_run(const OpShape& s) {
    const auto x = make_arrays(s, -5, 5);
    return [=] {
        const OpScope scope(describe_elementwise("sigmoid", s.m, s.n, 2, 22));
        const kernels::KernelTable& table = active_kernels();
        for_each_row(s.m, s.n, [&](Index i) {
            table.activation_forward(Activation::sigmoid, x->a.row(i), x->c.row(i), s.n);
        });
    };
}

Run bce_with_logits_run(const OpShape& s) {
    const auto x = make_arrays(s, -5, 5);
    return [=] { bce_with_logits(x->a, x->b, x->c); };
}

Run bce_with_probabilities_run(const OpShape& s) {
    const auto x = make_arrays(s, 0, 1);
    return [=] { bce_with_probabilities(x->a, x->b, x->c); };
}

Run bce_with_clamped_logs_run(const OpShape& s) {
    const auto x = make_arrays(s, 0, 1);
    return [=] { bce_with_clamped_logs(x->a, x->b, x->c); };
}

Run continuous_bernoulli_nll_run(const OpShape& s) {
    const auto x = make_arrays(s, -5, 5);
    return [=] { continuous_bernoulli_nll(x->a, x->b, x->c); };
}

Run gaussian_nll_run(const OpShape& s) {
    const auto x = make_arrays(s);
    return [=] { gaussian_nll(x->a, x->b, 0.5, x->c); };
}

Run mse_run(const OpShape& s) {
    const auto x = make_arrays(s);
    return [=] { mse(x->a, x->b, x->c); };
}

Run kl_divergence_run(const OpShape& s) {
    const auto x = make_arrays(s);
    return [=] { kl_divergence(x->a, x->b, 1, x->c, x->d); };
}

Run free_bits_run(const OpShape& s) {
    const auto x = make_arrays(s);
    return [=] { apply_free_bits(x->a, x->b, 0, x->c, x->d); };
}

Run softmax_cross_entropy_run(const OpShape& s) {
    const auto x = make_arrays(s, -5, 5);
    const auto labels = std::make_shared<std::vector<std::uint32_t>>(std::size_t(s.m));
    for (Index i = 0; i < s.m; ++i) (*labels)[std::size_t(i)] = std::uint32_t(i % s.n);
    return [=] { softmax_cross_entropy(x->a, *labels, x->c); };
}

// One sample of each image.
Run importance_weighted_bound_run(const OpShape& s) {
    const auto x = make_arrays(s);
    const auto recon = std::make_shared<std::vector<double>>(std::size_t(s.m));
    const auto shares = std::make_shared<std::vector<float>>(std::size_t(s.m));
    return [=] {
        importance_weighted_bound({1, *recon, x->a, x->b, x->b, x->a}, 1, *shares, x->c, x->d);
    };
}

Run find_log_weights_run(const OpShape& s) {
    const auto x = make_arrays(s);
    const auto recon = std::make_shared<std::vector<double>>(std::size_t(s.m));
    return [=] { find_log_weights({1, *recon, x->a, x->b, x->b, x->a}); };
}

Run scale_rows_run(const OpShape& s) {
    const auto x = make_arrays(s);
    const auto factors = std::make_shared<std::vector<float>>(std::size_t(s.m), 1.0f);
    return [=] { scale_rows(*factors, x->a); };
}

Run reparameterize_run(const OpShape& s) {
    const auto x = make_arrays(s);
    return [=] { reparameterize(x->a, x->b, x->e, x->c, x->d); };
}

Run reparameterize_backward_run(const OpShape& s) {
    const auto x = make_arrays(s);
    return [=] { reparameterize_backward(x->a, x->b, x->e, x->c, x->d); };
}

Run optimizer_run(const OpShape& s, const char* name) {
    const auto weight = shared_weight(s.m, s.n);
    const std::shared_ptr<Optimizer> optimizer = make_optimizer(name, weight->arena);
    return [=] {
        (void)weight;  // lives as long as this
        optimizer->step(1e-3);
    };
}
Run adam_run(const OpShape& s) { return optimizer_run(s, "adam"); }
Run sgd_run(const OpShape& s) { return optimizer_run(s, "sgd"); }

Run clip_global_norm_run(const OpShape& s) {
    const auto weight = shared_weight(s.m, s.n);
    return [=] { clip_global_norm(weight->arena, 1e30); };
}

Run fill_noise_run(const OpShape& s) {
    const auto noise = std::make_shared<Matrix>(s.m, s.n);
    return [=, samples = std::vector<std::uint32_t>(static_cast<std::size_t>(s.m))] {
        fill_noise(0, Purpose::training_noise, 1, samples, *noise);
    };
}

// A data set of which a batch is taken.
struct Images {
    IdxImages images;
    SparseImages sparse;
    std::vector<std::uint32_t> positions;
};

std::shared_ptr<Images> make_images(Index batch, Index features, double density) {
    const Index count = std::max<Index>(batch, 4096);
    SparseImages({}, features);  // too many are refused before they are drawn
    const auto state = std::make_shared<Images>();
    state->images = {.count = count,
                     .rows = 1,
                     .cols = features,
                     .pixels = random_pixels(count * features, density == 1 ? 0.19 : density, 4),
                     .sha256 = {}};
    state->sparse = SparseImages(state->images.pixels, features);
    state->positions.resize(static_cast<std::size_t>(batch));
    for (std::size_t i = 0; i < state->positions.size(); ++i)
        state->positions[i] = std::uint32_t((i * 7919) % std::size_t(count));
    return state;
}

Run load_pixels_run(const OpShape& s) {
    const auto state = make_images(s.m, s.n, s.density);
    const auto batches = std::make_shared<Batches>(state->images, s.m);
    return [=, x = std::make_shared<Matrix>(s.m, s.n)] {
        (void)state;  // the images live as long as this
        batches->load(0, *x);
    };
}

Run gather_sparse_run(const OpShape& s) {
    const auto state = make_images(s.m, s.n, s.density);
    return [=, x = std::make_shared<SparseRows>()] { x->gather(state->sparse, state->positions); };
}

Run transpose_sparse_run(const OpShape& s) {
    const auto batch = random_batch(s.n, s.m, s.density);
    return [=] { batch->transposed.assign_transpose(batch->x); };
}

Run expand_sparse_run(const OpShape& s) {
    const auto batch = random_batch(s.m, s.n, s.density);
    return [=, x = std::make_shared<Matrix>(s.m, s.n)] { batch->x.expand(*x); };
}

// All that a training step does to a gathered batch of s.m images before its forward pass.
Run prepare_batch_run(const OpShape& s) {
    const auto batch = random_batch(s.m, s.n, s.density);
    const auto x = std::make_shared<Matrix>(s.m, s.n), noise = std::make_shared<Matrix>(s.m, 2);
    return [=, samples = std::vector<std::uint32_t>(static_cast<std::size_t>(s.m))] {
        const OpScope scope({.op = "prepare_batch", .m = s.m, .n = s.n});
        parallel_invoke([&] { batch->transposed.assign_transpose(batch->x); },
                        [&] {
                            batch->x.expand(*x);
                            fill_noise(0, Purpose::training_noise, 1, samples, *noise);
                        });
    };
}

struct Kind {
    bool product;  // has a k
    Run (*make)(const OpShape& shape);
};

const std::map<std::string, Kind>& kinds() {
    static const std::map<std::string, Kind> kinds{
        {"gemm_nn", {true, gemm_nn_run}},
        {"gemm_nt", {true, gemm_nt_run}},
        {"gemm_tn", {true, gemm_tn_run}},
        {"gemm_tn+adam", {true, gemm_tn_adam_run}},
        {"gemm_tn+sgd", {true, gemm_tn_sgd_run}},
        {"sparse_gemm_nn", {true, sparse_gemm_nn_run}},
        {"sparse_gemm_tn", {true, sparse_gemm_tn_run}},
        {"sparse_gemm_tn+adam", {true, sparse_gemm_tn_adam_run}},
        {"sum_rows", {false, sum_rows_run}},
        {"activation_backward", {false, activation_backward_run}},
        {"sigmoid", {false, sigmoid_run}},
        {"bce_with_logits", {false, bce_with_logits_run}},
        {"bce_with_probabilities", {false, bce_with_probabilities_run}},
        {"bce_with_clamped_logs", {false, bce_with_clamped_logs_run}},
        {"continuous_bernoulli_nll", {false, continuous_bernoulli_nll_run}},
        {"gaussian_nll", {false, gaussian_nll_run}},
        {"mse", {false, mse_run}},
        {"softmax_cross_entropy", {false, softmax_cross_entropy_run}},
        {"kl_divergence", {false, kl_divergence_run}},
        {"free_bits", {false, free_bits_run}},
        {"find_log_weights", {false, find_log_weights_run}},
        {"importance_weighted_bound", {false, importance_weighted_bound_run}},
        {"scale_rows", {false, scale_rows_run}},
        {"reparameterize", {false, reparameterize_run}},
        {"reparameterize_backward", {false, reparameterize_backward_run}},
        {"adam", {false, adam_run}},
        {"sgd", {false, sgd_run}},
        {"clip_global_norm", {false, clip_global_norm_run}},
        {"fill_noise", {false, fill_noise_run}},
        {"load_pixels", {false, load_pixels_run}},
        {"gather_sparse", {false, gather_sparse_run}},
        {"transpose_sparse", {false, transpose_sparse_run}},
        {"expand_sparse", {false, expand_sparse_run}},
        {"prepare_batch", {false, prepare_batch_run}},
    };
    return kinds;
}

}  // namespace

std::vector<std::string> op_names() {
    std::vector<std::string> names;
    for (const auto& [name, kind] : kinds()) names.push_back(name);
    return names;
}

OpRun make_op_run(const OpShape& shape) {
    const auto kind = kinds().find(shape.op);
    if (kind == kinds().end()) {
        std::string names;
        for (const std::string& name : op_names()) names += (names.empty() ? "" : ", ") + name;
        throw Error(ErrorKind::argument, "--shape", "no such op", "'" + shape.op + "'", names);
    }
    if (kind->second.product != (shape.k > 0))
        throw Error(ErrorKind::argument, "--shape", "wrong number of sizes for " + shape.op,
                    shape.k > 0 ? "3" : "2", kind->second.product ? "3: m x n x k" : "2: m x n");
    OpRun op{.run = kind->second.make(shape)};
    if (profiling_is_built()) {
        struct Last : Profiler {
            OpCall call;
            void op_done(const OpCall& c) override { call = c; }
        } last;
        set_profiler(&last);
        op.run();
        set_profiler(nullptr);
        op.flops = last.call.flops;
        op.bytes = last.call.bytes;
    }
    return op;
}

std::vector<std::string> default_ops() {
    std::vector<std::string> ops;
    for (const auto& [hidden, latent] : {std::pair<Index, Index>{512, 2}, {400, 20}}) {
        const std::string h = std::to_string(hidden), z = std::to_string(latent),
                          head = std::to_string(2 * latent);
        for (const std::string& op : {"gemm_nn:128x" + h + "x784",
                                      "gemm_nn:128x784x" + h,
                                      "gemm_nt:128x" + h + "x784",
                                      "gemm_tn:" + h + "x784x128",
                                      "gemm_tn:784x" + h + "x128",
                                      "gemm_tn+adam:" + h + "x784x128",
                                      "sparse_gemm_nn:128x" + h + "x784:0.191",
                                      "sparse_gemm_tn:784x" + h + "x128:0.191",
                                      "sparse_gemm_tn+adam:784x" + h + "x128:0.191",
                                      "gemm_nn:128x" + head + "x" + h,
                                      "gemm_nt:128x" + h + "x" + head,
                                      "gemm_tn:" + h + "x" + head + "x128",
                                      "gemm_nn:128x" + h + "x" + z,
                                      "gemm_nt:128x" + z + "x" + h,
                                      "gemm_tn:" + z + "x" + h + "x128",
                                      "activation_backward:128x" + h,
                                      "reparameterize:128x" + z,
                                      "reparameterize_backward:128x" + z,
                                      "kl_divergence:128x" + z,
                                      "free_bits:128x" + z,
                                      "find_log_weights:128x" + z,
                                      "importance_weighted_bound:128x" + z,
                                      "fill_noise:128x" + z})
            ops.push_back(op);
    }
    for (const char* op :
         {"sum_rows:128x784", "sigmoid:128x784", "bce_with_logits:128x784",
          "bce_with_probabilities:128x784", "bce_with_clamped_logs:128x784",
          "continuous_bernoulli_nll:128x784", "gaussian_nll:128x784", "mse:128x784",
          "softmax_cross_entropy:128x10", "scale_rows:128x784", "adam:1x807700", "sgd:1x807700",
          "clip_global_norm:1x807700", "load_pixels:128x784", "gather_sparse:128x784:0.191",
          "transpose_sparse:784x128:0.191", "expand_sparse:128x784:0.191",
          "prepare_batch:128x784:0.191"})
        ops.push_back(op);
    return ops;
}

}  // namespace handgrad::apps::kernel_bench
