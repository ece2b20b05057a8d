// `mnist_vae verify-determinism`: whether this machine gives the same weights on every path.
#include <cstdio>
#include <map>
#include <span>

#include "../../../core/error.hpp"
#include "../../../core/io/sha256.hpp"
#include "../../../core/parallel.hpp"
#include "../../../optim/adam.hpp"
#include "../../common/console.hpp"
#include "../../common/dataset.hpp"
#include "../checks/verify.hpp"
#include "../training/trainer.hpp"
#include "commands.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

// Scalar code takes about a hundred times as long.
constexpr Index kScalarSteps = 10;

// Trains the default model and returns the SHA-256 of its weights.
std::string train_and_hash(const ComputePath& path, const Dataset& dataset) {
    select_isa(path.isa);
    set_thread_count(path.threads);
    Vae model({.image_rows = dataset.train.images.rows, .image_cols = dataset.train.images.cols});
    model.initialize(Initializer::glorot, 0);
    Adam adam(model.arena(), AdamConfig::keras());
    Trainer trainer(model, adam, {.sparsity = path.sparsity, .fuse = path.fuse},
                    dataset.train.images, dataset.test.images);
    Index steps = 0;
    TrainerEvents events;
    events.interrupted = [&] { return steps >= path.steps; };
    events.batch_done = [&](const BatchProgress&) { ++steps; };
    trainer.run(events);
    return sha256_hex(std::as_bytes(std::span<const float>(model.arena().values())));
}

std::string table_row(const ComputePath& path, const std::string& hash, bool equal) {
    char text[128];
    std::snprintf(text, sizeof text, "%-8s  %7d  %-8s  %-4s  %5td  %.12s  %s\n", isa_name(path.isa),
                  path.threads, path.sparsity ? "auto" : "off", path.fuse ? "on" : "off",
                  path.steps, hash.c_str(), equal ? "equal" : "DIFFERENT");
    return text;
}

}  // namespace

std::vector<ComputePath> determinism_paths(Index steps) {
    std::vector<ComputePath> paths;
    for (Isa isa : supported_isas()) {
        if (isa == Isa::sse2 || isa == Isa::scalar) continue;
        for (int threads : {1, 2, 3, 4, 7})
            for (bool sparsity : {true, false})
                for (bool fuse : {true, false})
                    paths.push_back({isa, threads, sparsity, fuse, steps});
    }
    const Index few = std::min(steps, kScalarSteps);
    if (!paths.empty()) paths.push_back({paths.back().isa, 1, true, true, few});
    paths.push_back({Isa::scalar, 1, true, true, few});
    return paths;
}

void verify_determinism(const std::vector<ComputePath>& paths,
                        const std::function<std::string(const ComputePath&)>& train,
                        const std::function<void(const std::string&)>& print) {
    print("isa       threads  sparsity  fuse  steps  weights\n");
    std::map<Index, std::string> expected;  // after so many steps
    Index different = 0;
    for (const ComputePath& path : paths) {
        const std::string hash = train(path);
        const bool equal = expected.try_emplace(path.steps, hash).first->second == hash;
        different += !equal;
        print(table_row(path, hash, equal));
    }
    if (different > 0)
        throw Error(ErrorKind::mismatch, "verify-determinism", "weights are not the first ones",
                    std::to_string(different) + " of " + std::to_string(paths.size()) + " ways",
                    "none");
}

void run_verify(const VerifyCommand& command) {
    const Dataset dataset = load_dataset(find_sample_folder());
    const std::vector<ComputePath> paths = determinism_paths(command.steps);
    print("The default model after some steps on the bundled digits, computed in " +
          std::to_string(paths.size()) + " ways:\n\n");
    verify_determinism(
        paths, [&](const ComputePath& path) { return train_and_hash(path, dataset); }, print);
    print("\nThe same weights in all of them, to the last bit.\n");
}

}  // namespace handgrad::apps::mnist_vae
