// Counts every allocation of the process: after its first step, training makes none.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "../../../../apps/common/batches.hpp"
#include "../../../../apps/mnist_vae/model/vae.hpp"
#include "../../../../apps/mnist_vae/training/trainer.hpp"
#include "../../../../core/parallel.hpp"
#include "../../../../core/random.hpp"
#include "../../../../optim/adam.hpp"
#include "../../../../optim/clip.hpp"

static std::atomic<long> g_allocations{0};

static void* allocate(std::size_t size, std::size_t alignment) {
    ++g_allocations;
    // aligned_alloc wants a multiple of the alignment.
    const std::size_t whole = (size + alignment - 1) / alignment * alignment;
    if (void* memory = std::aligned_alloc(alignment, whole > 0 ? whole : alignment)) return memory;
    throw std::bad_alloc();
}

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::apps::mnist_vae;

TEST_CASE("the counter counts") {
    const long before = g_allocations;
    const Matrix m(3, 4);
    CHECK(g_allocations > before);
}

TEST_CASE("training allocates nothing after its first epoch, on any number of threads") {
    const int threads_before = thread_count();
    IdxImages images{70, 6, 5, std::vector<std::uint8_t>(70 * 30), ""};
    // The images are not equally sparse, so that no epoch has the largest batch at once.
    for (std::size_t i = 0; i < images.pixels.size(); ++i)
        images.pixels[i] = i % (3 + i / 30 % 7) == 0 ? 100 : 0;
    const SparseImages sparse_images(images.pixels, 30);
    for (int threads : {1, 3}) {
        set_thread_count(threads);
        Vae model({.image_rows = 6, .image_cols = 5, .hidden = {300, 40}, .latent = 3});
        model.initialize(Initializer::glorot, 1);
        Adam adam(model.arena(), {});
        Batches batches(images, 32);
        Matrix x, noise, sample_noise;
        const Objective objectives[] = {
            {}, {.free_bits = 0.1f, .samples = 3}, {.samples = 3, .importance_weighted = true}};
        SparseBatch sparse;
        long counted = -1;
        for (std::uint32_t epoch = 1; epoch <= 4; ++epoch) {
            const long before = g_allocations;
            batches.start_epoch(0, epoch);
            for (Index b = 0; b < batches.batches_per_epoch(); ++b) {
                const auto samples = batches.samples(b);
                batches.load(b, x.resize(Index(samples.size()), 30));
                fill_noise(0, Purpose::training_noise, epoch, samples,
                           noise.resize(Index(samples.size()), 3));
                sparse.gather(sparse_images, samples);
                for (const Objective& objective : objectives) {
                    const Index rows = x.rows() * objective.samples;
                    const MatrixView frozen = sample_noise.resize(rows, 3);
                    for (Index row = 0; row < rows; ++row)
                        std::copy_n(noise.row(row / objective.samples), 3, frozen.row(row));
                    model.forward_training(x, frozen, objective, &sparse);
                    model.backward();
                }
                clip_global_norm(model.arena(), 1);
                adam.step(1e-3);
                model.forward_training(x, noise, {}, &sparse);
                adam.begin_step(1e-3);
                model.backward(&adam);
            }
            counted = g_allocations - before;
            if (epoch == 1) CHECK(counted > 0);
        }
        CHECK(counted == 0);
    }
    set_thread_count(threads_before);
}

TEST_CASE("the trainer's steps allocate nothing after the first epoch, whole or in shards") {
    IdxImages images{70, 6, 5, std::vector<std::uint8_t>(70 * 30), ""};
    for (std::size_t i = 0; i < images.pixels.size(); ++i)
        images.pixels[i] = i % (3 + i / 30 % 7) == 0 ? 100 : 0;
    for (Index shards : {1, 2, 5})
        for (bool sparsity : {true, false}) {
            CAPTURE(shards);
            Vae model({.image_rows = 6, .image_cols = 5, .hidden = {300, 40}, .latent = 3});
            model.initialize(Initializer::glorot, 1);
            Adam adam(model.arena(), {});
            // Without a shuffle, so that the first epoch has the largest batch.
            Trainer trainer(model, adam,
                            {.epochs = 3,
                             .batch_size = 32,
                             .shuffle = false,
                             .sparsity = sparsity,
                             .shards = shards},
                            images, images);
            long first = 0, last = 0;
            TrainerEvents events;
            events.batch_done = [&](const BatchProgress& p) {
                if (p.epoch < 3) return;
                if (p.batch == 1) first = g_allocations;
                last = g_allocations;
            };
            CHECK(trainer.run(events) == Outcome::finished);
            CHECK(first > 0);
            CHECK(last == first);
        }
}
