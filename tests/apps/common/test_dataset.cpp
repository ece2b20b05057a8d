#include "../../../apps/common/dataset.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "../../../core/error.hpp"
#include "../../core/io/idx_bytes.hpp"
#include "../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::test;
namespace fs = std::filesystem;

namespace {

const char* const kTrainImages = "train-images-idx3-ubyte";
const char* const kTrainLabels = "train-labels-idx1-ubyte";
const char* const kTestImages = "t10k-images-idx3-ubyte";
const char* const kTestLabels = "t10k-labels-idx1-ubyte";

// Six images to train on and three to test on, of 4 x 5 pixels.
void write_dataset(const fs::path& folder) {
    fs::create_directories(folder);
    write_file(folder / kTrainImages, idx_images(6, 4, 5));
    write_file(folder / kTrainLabels, idx_labels(6));
    write_file(folder / kTestImages, idx_images(3, 4, 5));
    write_file(folder / kTestLabels, idx_labels(3));
}

std::string refusal(const fs::path& folder, Splits splits = Splits::train_and_test) {
    try {
        load_dataset(folder, splits);
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::input);
        return error.what();
    }
    return "accepted";
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// Puts the working directory and HANDGRAD_DATA back as they were.
class SurroundingsGuard {
  public:
    SurroundingsGuard() {
        if (const char* value = std::getenv("HANDGRAD_DATA")) data_ = value;
        unsetenv("HANDGRAD_DATA");
    }
    ~SurroundingsGuard() {
        fs::current_path(folder_);
        if (data_)
            setenv("HANDGRAD_DATA", data_->c_str(), 1);
        else
            unsetenv("HANDGRAD_DATA");
    }

  private:
    fs::path folder_ = fs::current_path();
    std::optional<std::string> data_;
};

}  // namespace

TEST_CASE("dataset: the bundled sample is found, verified, and begins as MNIST does") {
    const fs::path folder = find_sample_folder();
    const Dataset data = load_dataset(folder);
    CHECK(data.name == "MNIST sample (2000 + 500 digits)");
    CHECK(data.verified);
    CHECK(data.sample);
    CHECK(data.folder == folder.string());
    CHECK(data.hash.size() == 64);
    CHECK(data.train.images.count == 2000);
    CHECK(data.test.images.count == 500);
    CHECK(data.train.images.rows == 28);
    CHECK(data.train.images.cols == 28);
    const auto first_ten = [](const IdxLabels& labels) {
        return Bytes(labels.labels.begin(), labels.labels.begin() + 10);
    };
    CHECK(first_ten(data.train.labels) == Bytes{5, 0, 4, 1, 9, 2, 1, 3, 1, 4});
    CHECK(first_ten(data.test.labels) == Bytes{7, 2, 1, 0, 4, 1, 4, 9, 5, 9});

    std::uintmax_t size = 0;
    for (const auto& file : fs::directory_iterator(folder)) size += file.file_size();
    CHECK(size < 600 * 1024);
}

TEST_CASE("dataset: the sample with one pixel changed is unverified, with another hash") {
    const TemporaryDirectory folder;
    const fs::path sample = find_sample_folder();
    for (const char* name : {kTrainImages, kTrainLabels, kTestImages, kTestLabels})
        fs::copy(sample / (std::string(name) + ".gz"), folder.path());
    const Dataset whole = load_dataset(folder.path());
    CHECK(whole.sample);

    Bytes images = idx_header(0x08, {2000, 28, 28});
    append(images, whole.train.images.pixels);
    write_file(folder.path() / kTrainImages, images);
    CHECK(load_dataset(folder.path()).hash == whole.hash);  // unpacked, and otherwise the same
    images.back() ^= 1;
    write_file(folder.path() / kTrainImages, images);
    const Dataset changed = load_dataset(folder.path());
    CHECK(changed.name == "unverified IDX data");
    CHECK_FALSE(changed.verified);
    CHECK_FALSE(changed.sample);
    CHECK(changed.hash != whole.hash);
    CHECK(load_dataset(folder.path(), Splits::test_only).sample);  // these two are as they were
}

TEST_CASE("dataset: MNIST itself is verified, where the project has it") {
    const fs::path folder = find_sample_folder() / "../../../data/mnist";
    if (!fs::exists(folder / kTrainImages)) {
        MESSAGE("not checked here: no MNIST in data/mnist");
        return;
    }
    const Dataset data = load_dataset(folder);
    CHECK(data.name == "MNIST (verified)");
    CHECK(data.verified);
    CHECK_FALSE(data.sample);
    CHECK(data.train.images.count == 60000);
    CHECK(data.test.labels.labels.size() == 10000);
}

TEST_CASE(
    "dataset: files are found plain or gzipped, in either spelling, where torchvision puts them") {
    for (const char* subfolder : {"", "MNIST/raw", "FashionMNIST/raw"})
        for (bool zipped : {false, true})
            for (bool dotted : {false, true}) {
                const TemporaryDirectory folder;
                const fs::path place = *subfolder ? folder.path() / subfolder : folder.path();
                fs::create_directories(place);
                for (const auto& [name, bytes] : {std::pair{kTrainImages, idx_images(6, 4, 5)},
                                                  {kTrainLabels, idx_labels(6)},
                                                  {kTestImages, idx_images(3, 4, 5)},
                                                  {kTestLabels, idx_labels(3)}}) {
                    std::string spelling = name;
                    if (dotted) spelling[spelling.find("-idx")] = '.';
                    if (zipped) spelling += ".gz";
                    write_file(place / spelling, zipped ? gzip(bytes) : bytes);
                }
                const Dataset data = load_dataset(folder.path());
                CHECK(data.folder == place.string());
                CHECK(data.name == "unverified IDX data");
                CHECK(data.train.images.count == 6);
                CHECK(data.test.images.pixels.size() == 60);
                CHECK(data.test.labels.labels == Bytes{0, 1, 2});
            }
}

TEST_CASE("dataset: a plain file goes before its gzipped twin") {
    const TemporaryDirectory folder;
    write_dataset(folder.path());
    write_file(folder.path() / (std::string(kTestLabels) + ".gz"), text("half a download"));
    CHECK(refusal(folder.path()) == "accepted");
}

TEST_CASE("dataset: missing files are named, with the places looked at") {
    const TemporaryDirectory folder;
    const std::string nowhere = refusal(folder.path() / "nowhere");
    CHECK(contains(nowhere, "nowhere: no such folder"));
    const fs::path file = write_file(folder.path() / "file", {1});
    CHECK(contains(refusal(file), "file: no such folder"));

    write_dataset(folder.path());
    fs::remove(folder.path() / kTrainLabels);
    const std::string one_missing = refusal(folder.path());
    CHECK(contains(one_missing, folder.path().string() + ": files are missing: " + kTrainLabels));
    CHECK_FALSE(contains(one_missing, kTestLabels));
    CHECK(contains(one_missing, ".gz"));
    CHECK(contains(one_missing, "MNIST/raw or FashionMNIST/raw"));
    CHECK_FALSE(contains(one_missing, "\n"));
}

TEST_CASE("dataset: files of different folders are not mixed") {
    const TemporaryDirectory folder;
    write_dataset(folder.path() / "MNIST/raw");
    fs::rename(folder.path() / "MNIST/raw" / kTestLabels, folder.path() / kTestLabels);
    CHECK(contains(refusal(folder.path()), std::string("files are missing: ") + kTestLabels));
    write_dataset(folder.path() / "FashionMNIST/raw");
    CHECK(load_dataset(folder.path()).folder == (folder.path() / "FashionMNIST/raw").string());
    fs::rename(folder.path() / kTestLabels, folder.path() / "MNIST/raw" / kTestLabels);
    CHECK(load_dataset(folder.path()).folder == (folder.path() / "MNIST/raw").string());
    write_dataset(folder.path());
    CHECK(load_dataset(folder.path()).folder == folder.path().string());
}

TEST_CASE("dataset: files that do not belong together are refused") {
    const TemporaryDirectory folder;
    write_dataset(folder.path());
    write_file(folder.path() / kTestLabels, idx_labels(4));
    const std::string counts = refusal(folder.path());
    CHECK(contains(counts, std::string(kTestLabels) + ": the number of labels"));
    CHECK(contains(counts, "found 4 labels, expected 3, as in "));

    for (const auto& [rows, cols] : {std::pair{4u, 6u}, {5u, 5u}, {5u, 4u}}) {
        write_dataset(folder.path());
        write_file(folder.path() / kTestImages, idx_images(3, rows, cols));
        const std::string size = std::to_string(rows) + " x " + std::to_string(cols);
        CHECK(contains(refusal(folder.path()), std::string(kTestImages) +
                                                   ": images of another size than those to train "
                                                   "on: found " +
                                                   size + ", expected 4 x 5"));
    }

    write_dataset(folder.path());
    fs::remove(folder.path() / kTrainLabels);
    fs::copy(folder.path() / kTrainImages, folder.path() / kTrainLabels);
    CHECK(contains(refusal(folder.path()), std::string(kTrainLabels) + ": wrong number of"));
}

TEST_CASE("dataset: the test split alone needs no other file") {
    const TemporaryDirectory folder;
    write_dataset(folder.path());
    const std::string whole_hash = load_dataset(folder.path()).hash;
    fs::remove(folder.path() / kTrainImages);
    write_file(folder.path() / kTrainLabels, text("no labels"));
    const Dataset data = load_dataset(folder.path(), Splits::test_only);
    CHECK(data.test.images.count == 3);
    CHECK(data.train.images.count == 0);
    CHECK(data.train.labels.labels.empty());
    CHECK(data.hash.size() == 64);
    CHECK(data.hash != whole_hash);
    fs::remove(folder.path() / kTestImages);
    CHECK(contains(refusal(folder.path(), Splits::test_only),
                   std::string("files are missing: ") + kTestImages + ":"));
}

TEST_CASE("dataset: --data goes before HANDGRAD_DATA, before data/mnist, before the sample") {
    const SurroundingsGuard guard;
    const TemporaryDirectory folder;
    fs::current_path(folder.path());
    CHECK(find_data_folder(std::nullopt) == find_sample_folder());
    fs::create_directories("data/mnist");
    CHECK(find_data_folder(std::nullopt) == find_sample_folder());
    write_dataset("data/mnist");
    CHECK(find_data_folder(std::nullopt) == fs::path("data/mnist"));
    // An incomplete data set is not passed over in silence.
    fs::remove(fs::path("data/mnist") / kTestLabels);
    CHECK(find_data_folder(std::nullopt) == fs::path("data/mnist"));
    CHECK(contains(refusal("data/mnist"), kTestLabels));

    setenv("HANDGRAD_DATA", "", 1);
    CHECK(find_data_folder(std::nullopt) == fs::path("data/mnist"));
    setenv("HANDGRAD_DATA", "/from/the/environment", 1);
    CHECK(find_data_folder(std::nullopt) == fs::path("/from/the/environment"));
    CHECK(find_data_folder("elsewhere") == fs::path("elsewhere"));  // there or not
}
