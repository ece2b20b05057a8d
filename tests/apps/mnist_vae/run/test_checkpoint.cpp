#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "../../../../apps/mnist_vae/run/checkpoint.hpp"
#include "../../../../core/error.hpp"
#include "../../../../core/io/atomic_file.hpp"
#include "../../../../core/io/file.hpp"
#include "../../../../core/io/safetensors.hpp"
#include "../../../../core/random.hpp"
#include "../../../../optim/adam.hpp"
#include "../../../../optim/sgd.hpp"
#include "../../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using handgrad::test::TemporaryDirectory;

namespace {

const CheckpointOrigin kOrigin{"hash", "options"}, kOther{"other", "options"};

Architecture small(Index latent = 2) {
    return {.image_rows = 2, .image_cols = 3, .hidden = {5, 4}, .latent = latent};
}

// A model and an optimiser that both hold numbers of their own.
struct Trained {
    explicit Trained(Index latent = 2) : model(small(latent)), adam(model.arena(), {}) {
        model.initialize(Initializer::torch, 4);
        for (const NamedTensor& t : model.tensors(model.arena().gradients()))
            for (Index i = 0; i < t.values.rows; ++i)
                for (Index j = 0; j < t.values.cols; ++j)
                    t.values(i, j) = float(i + 1) * 0.1f - float(j) * 0.03f;
        for (int step = 0; step < 3; ++step) adam.step(0.01);
    }
    Vae model;
    Adam adam;
};

bool same(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace

TEST_CASE("weights: written and read back bit for bit, with their origin") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "model.safetensors";
    Trained a;
    save_model(path, a.model, {.epoch = 7, .seed = 18446744073709551615u, .kl_weight = 0.1});
    Vae b(small());
    const auto origin = load_model(path, b);
    REQUIRE(origin);
    CHECK(origin->epoch == 7);
    CHECK(origin->seed == 18446744073709551615u);
    CHECK(origin->kl_weight == 0.1);
    CHECK(same(a.model.arena().values(), b.arena().values()));
}

TEST_CASE("weights: a head of log sigma is written as one of logvar, to the bit") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "model.safetensors";
    Architecture trained = small();
    trained.log_sigma_head = true;
    Vae a(trained), b(small());
    a.initialize(Initializer::torch, 3);
    save_model(path, a, {});
    load_model(path, b);
    Matrix x(5, small().pixels());
    for (Index i = 0; i < 5; ++i)
        for (Index j = 0; j < x.cols(); ++j) x(i, j) = float(i + j) / 10;
    const Vae::Posterior p = a.encode(x), q = b.encode(x);
    for (Index i = 0; i < 5; ++i)
        for (Index j = 0; j < small().latent; ++j) {
            CHECK(p.mu(i, j) == q.mu(i, j));
            CHECK(p.logvar(i, j) == q.logvar(i, j));
            CHECK(p.logvar(i, j) != 0);
        }
}

TEST_CASE("weights: the file has PyTorch's names and (out, in) shapes") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "model.safetensors";
    Trained a;
    save_model(path, a.model, {});
    const SafetensorsFile file(read_file(path, 1 << 20), path);
    using Shape = std::vector<std::uint64_t>;
    CHECK(file.tensors().size() == 14);
    CHECK(file.tensors().at("encoder.0.weight").shape == Shape{5, 6});
    CHECK(file.tensors().at("encoder.1.bias").shape == Shape{4});
    CHECK(file.tensors().at("mu.weight").shape == Shape{2, 4});
    CHECK(file.tensors().at("logvar.bias").shape == Shape{2});
    CHECK(file.tensors().at("decoder.2.weight").shape == Shape{6, 5});
    // Row o of the file is column o of the memory.
    Matrix transposed(5, 6);
    file.copy_to("encoder.0.weight", transposed, TensorLayout::as_is);
    const NamedTensor first = a.model.tensors(a.model.arena().values()).front();
    for (Index i = 0; i < 6; ++i)
        for (Index o = 0; o < 5; ++o) CHECK(transposed(o, i) == first.values(i, o));
}

TEST_CASE("weights: any byte changed is refused, the checksum's own key too") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "model.safetensors";
    Trained a;
    save_model(path, a.model, {});
    const std::vector<std::byte> good = read_file(path, 1 << 20);
    std::size_t accepted = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::vector<std::byte> bad = good;
        bad[i] ^= std::byte(1 << (i % 8));
        replace_file(path, bad);
        try {
            load_model(path, a.model);
            ++accepted;
        } catch (const Error&) {
        }
    }
    CHECK(accepted == 0);
}

TEST_CASE("checkpoint: model, optimiser and position come back exactly") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "checkpoint.safetensors";
    Trained a;
    const Position position{.epoch = 3,
                            .batch = 17,
                            .recon_sum = 0.1 + 0.2,
                            .kl_sum = 1e-300,
                            .clamped_logvars = 12345678901,
                            .seconds = 1.0 / 3,
                            .best_val_loss = 123.456,
                            .best_epoch = 2};
    save_checkpoint(path, a.model, a.adam, position, kOrigin);
    Vae model(small());
    Adam adam(model.arena(), {});
    const Position back = load_checkpoint(path, model, adam, kOrigin);
    CHECK(back.epoch == 3);
    CHECK(back.batch == 17);
    CHECK(back.recon_sum == position.recon_sum);
    CHECK(back.kl_sum == position.kl_sum);
    CHECK(back.clamped_logvars == 12345678901);
    CHECK(back.seconds == position.seconds);
    CHECK(back.best_val_loss == position.best_val_loss);
    CHECK(back.best_epoch == 2);
    CHECK(adam.steps() == 3);
    CHECK(same(a.model.arena().values(), model.arena().values()));
    for (std::size_t b = 0; b < 2; ++b)
        CHECK(same(a.adam.state()[b].values, adam.state()[b].values));
    // One more step of each ends at the same weights: the powers of beta are back too.
    std::copy(a.model.arena().gradients().begin(), a.model.arena().gradients().end(),
              model.arena().gradients().begin());
    a.adam.step(0.01);
    adam.step(0.01);
    CHECK(same(a.model.arena().values(), model.arena().values()));
    // Before the first validation there is no best loss yet.
    save_checkpoint(path, a.model, a.adam, {}, kOrigin);
    CHECK(std::isinf(load_checkpoint(path, model, adam, kOrigin).best_val_loss));
}

TEST_CASE("checkpoint: other data, another model or optimiser are refused") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "checkpoint.safetensors";
    Trained a;
    save_checkpoint(path, a.model, a.adam, {}, kOrigin);
    try {
        load_checkpoint(path, a.model, a.adam, kOther);
        FAIL("other data were accepted");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::argument);
    }
    try {
        load_checkpoint(path, a.model, a.adam, {"hash", "others"});
        FAIL("other options were accepted");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::input);
    }
    Trained wide(3);
    CHECK_THROWS_AS(load_checkpoint(path, wide.model, wide.adam, kOrigin), Error);
    Sgd sgd(a.model.arena(), {});
    CHECK_THROWS_AS(load_checkpoint(path, a.model, sgd, kOrigin), Error);
    // Weights are no checkpoint, and the reverse.
    const std::string weights = folder.path() / "model.safetensors";
    save_model(weights, a.model, {});
    CHECK_THROWS_AS(load_checkpoint(weights, a.model, a.adam, kOrigin), Error);
    CHECK_THROWS_AS(load_model(path, a.model), Error);
}

TEST_CASE(
    "checkpoint: cut anywhere or with any bit of the header or 10,000 of the body flipped it is "
    "refused") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "checkpoint.safetensors";
    Trained a;
    save_checkpoint(path, a.model, a.adam, {}, kOrigin);
    const std::vector<std::byte> good = read_file(path, 1 << 20);
    const auto refused = [&](const std::vector<std::byte>& bytes) {
        // A file that is emptied and filled again is one that ext4 writes to the disk at once.
        std::filesystem::remove(path);
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
        try {
            load_checkpoint(path, a.model, a.adam, kOrigin);
        } catch (const Error& e) {
            return e.kind() == ErrorKind::input;
        }
        return false;
    };
    std::size_t accepted = 0;
    for (std::size_t length = 0; length < good.size(); ++length)
        accepted += !refused({good.begin(), good.begin() + std::ptrdiff_t(length)});
    const auto refused_with_flip = [&](std::size_t bit) {
        std::vector<std::byte> bad = good;
        bad[bit / 8] ^= std::byte(1 << (bit % 8));
        return refused(bad);
    };
    std::uint64_t header = 0;
    std::memcpy(&header, good.data(), 8);
    const std::size_t body = 8 + header;
    for (std::size_t bit = 0; bit < 8 * body; ++bit) accepted += !refused_with_flip(bit);
    std::vector<std::uint32_t> bits(8 * (good.size() - body));
    REQUIRE(bits.size() >= 10'000);
    handgrad::shuffle(1, 0, bits);
    for (std::size_t k = 0; k < 10'000; ++k) accepted += !refused_with_flip(8 * body + bits[k]);
    CHECK(accepted == 0);
    CHECK_FALSE(refused(good));
}

TEST_CASE("checkpoint: the one before is kept, and taken where the newest is damaged or missing") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "checkpoint.safetensors";
    const std::string previous = previous_path(path);
    Trained a;
    const auto newest = [&] { return load_newest_checkpoint(path, a.model, a.adam, kOrigin); };
    CHECK_FALSE(checkpoint_exists(path));
    CHECK_THROWS_AS(newest(), Error);

    save_checkpoint(path, a.model, a.adam, {.epoch = 1}, kOrigin);
    CHECK(checkpoint_exists(path));
    CHECK(newest().position.epoch == 1);
    save_checkpoint(path, a.model, a.adam, {.epoch = 2}, kOrigin);
    CHECK(newest().position.epoch == 2);
    CHECK(newest().damage.empty());
    CHECK(load_checkpoint(previous, a.model, a.adam, kOrigin).epoch == 1);

    std::filesystem::resize_file(path, 1000);
    CHECK(newest().position.epoch == 1);
    CHECK(newest().damage.find("checkpoint.safetensors: ") != std::string::npos);
    std::filesystem::remove(path);
    CHECK(checkpoint_exists(path));
    CHECK(newest().position.epoch == 1);

    // A checkpoint that does not pass the check is as good as damaged.
    save_checkpoint(path, a.model, a.adam, {.epoch = 2}, kOrigin);
    const auto no_second = [](const std::string& where, const Position& position, std::int64_t) {
        if (position.epoch == 2) throw Error(ErrorKind::input, where, "the second");
    };
    const ResumePoint checked = load_newest_checkpoint(path, a.model, a.adam, kOrigin, no_second);
    CHECK(checked.position.epoch == 1);
    CHECK(checked.damage == path + ": the second");

    // A square root of a negative number would follow.
    a.adam.state()[1].values[0] = -1;
    save_checkpoint(path, a.model, a.adam, {.epoch = 3}, kOrigin);
    CHECK_THROWS_AS(load_checkpoint(path, a.model, a.adam, kOrigin), Error);
    a.adam.state()[1].values[0] = 0;
    save_checkpoint(path, a.model, a.adam, {.epoch = 1}, kOrigin);

    // Other data are the user's error, not damage.
    save_checkpoint(path, a.model, a.adam, {.epoch = 2}, kOther);
    CHECK_THROWS_AS(newest(), Error);

    std::filesystem::resize_file(path, 1000);
    std::filesystem::resize_file(previous, 1000);
    try {
        newest();
        FAIL("two damaged checkpoints were accepted");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::input);
        CHECK(std::string(e.what()).find(path + ": ") == 0);
        CHECK(std::string(e.what()).find(previous + ": ") != std::string::npos);
    }
}
