#include "dataset.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../../core/error.hpp"
#include "../../core/io/sha256.hpp"
#include "shared_files.hpp"

namespace handgrad::apps {
namespace {

namespace fs = std::filesystem;

// In the order in which a data set's sums are listed and hashed; the test files come last.
constexpr std::array<std::string_view, 4> kFileNames = {
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte"};

constexpr std::array<std::string_view, 3> kSubfolders = {"", "MNIST/raw", "FashionMNIST/raw"};

struct KnownDataset {
    const char* name;
    bool sample;
    std::array<std::string_view, 4> sha256;  // of the uncompressed files
};

constexpr std::array<KnownDataset, 3> kKnownDatasets = {{
    {"MNIST (verified)",
     false,
     {"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
      "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
      "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
      "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}},
    {"Fashion-MNIST (verified)",
     false,
     {"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
      "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
      "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
      "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}},
    {"MNIST sample (2000 + 500 digits)",
     true,
     {"729d340c0177402770b27c04f817dfb40ed8844459b35a9f11ae21067b05cf19",
      "90795ea2219655a7281c0d6756d0ae8a33bebac7ec84bac89bbdcc5e3baa9f8c",
      "de0a55d8eb2a23fce4f596c5234b08b9c8ee685583a2b0e52f3a78eca48f9d89",
      "60e902e82445d902e245e1b039469f36936d63cb28e81527a7bbba247c240af3"}},
}};

// "train-images-idx3-ubyte" as some archives have it: "train-images.idx3-ubyte".
std::string dotted(std::string_view name) {
    std::string result(name);
    result[result.find("-idx")] = '.';
    return result;
}

// The path under which `folder` has the file called `name`, if it has it.
std::optional<fs::path> find_file(const fs::path& folder, std::string_view name) {
    for (const std::string& spelling : {std::string(name), dotted(name)})
        for (const char* suffix : {"", ".gz"}) {
            const fs::path path = folder / (spelling + suffix);
            std::error_code unreadable;  // a file that cannot be looked at is not there
            if (fs::exists(path, unreadable)) return path;
        }
    return std::nullopt;
}

// The folder that the files are taken from, and those of them that are there.
struct FoundFiles {
    fs::path folder;
    std::vector<fs::path> paths;
    std::vector<std::string_view> missing;
};

// Looks for `names` in `folder` and its sub-folders. All come from one place, so that data sets are
// not mixed: the first that has the most of them.
FoundFiles find_files(const fs::path& folder, std::span<const std::string_view> names) {
    FoundFiles best;
    for (std::string_view subfolder : kSubfolders) {
        FoundFiles here;
        here.folder = subfolder.empty() ? folder : folder / subfolder;
        for (std::string_view name : names) {
            if (std::optional<fs::path> path = find_file(here.folder, name))
                here.paths.push_back(*std::move(path));
            else
                here.missing.push_back(name);
        }
        if (best.folder.empty() || here.paths.size() > best.paths.size()) best = std::move(here);
    }
    return best;
}

FoundFiles require_files(const fs::path& folder, std::span<const std::string_view> names) {
    std::error_code unreadable;
    if (!fs::is_directory(folder, unreadable))
        throw Error(ErrorKind::input, folder.string(), "no such folder",
                    fs::exists(folder, unreadable) ? "something else" : "nothing",
                    "a folder with the files of MNIST");
    FoundFiles found = find_files(folder, names);
    if (found.missing.empty()) return found;

    std::string missing;
    for (std::string_view name : found.missing)
        missing += (missing.empty() ? "" : ", ") + std::string(name);
    throw Error(ErrorKind::input, found.folder.string(), "files are missing: " + missing,
                std::to_string(found.paths.size()) + " of " + std::to_string(names.size()),
                "all of them, plain or .gz, also spelled as in " + dotted(names.front()) +
                    ", in that folder (or all in MNIST/raw or FashionMNIST/raw under " +
                    folder.string() + ")");
}

// A name that does not say what the file is comes from a download or a copy that went wrong.
void check_name(const fs::path& path, bool gzipped, std::vector<std::string>& warnings) {
    const bool called_gz = path.extension() == ".gz";
    if (gzipped && !called_gz)
        throw Error(ErrorKind::input, path.string(), "gzipped, though its name does not say so",
                    path.filename().string(), path.filename().string() + ".gz");
    if (called_gz && !gzipped)
        warnings.push_back(path.string() +
                           " is called .gz but is not gzipped; it is read as it is");
}

Split read_split(const fs::path& images, const fs::path& labels,
                 std::vector<std::string>& warnings) {
    Split split{read_idx_images(images), read_idx_labels(labels)};
    check_name(images, split.images.gzipped, warnings);
    check_name(labels, split.labels.gzipped, warnings);
    if (split.images.count != static_cast<Index>(split.labels.labels.size()))
        throw Error(ErrorKind::input, labels.string(), "the number of labels is not that of images",
                    std::to_string(split.labels.labels.size()) + " labels",
                    std::to_string(split.images.count) + ", as in " + images.string());
    return split;
}

std::string size_string(const IdxImages& images) {
    return std::to_string(images.rows) + " x " + std::to_string(images.cols);
}

// Fills in name, verified, sample and hash from the sums of the files read.
void identify(Dataset& dataset, std::span<const std::string_view> sums) {
    std::string all;
    for (std::string_view sum : sums) all += sum;
    dataset.hash = sha256_hex(std::as_bytes(std::span(all)));

    dataset.name = "unverified IDX data";
    for (const KnownDataset& known : kKnownDatasets) {
        const auto known_sums = std::span(known.sha256).last(sums.size());
        if (!std::equal(sums.begin(), sums.end(), known_sums.begin())) continue;
        dataset.name = known.name;
        dataset.verified = true;
        dataset.sample = known.sample;
    }
}

}  // namespace

fs::path find_data_folder(const std::optional<std::string>& data_option) {
    if (data_option) return *data_option;
    const char* variable = std::getenv("HANDGRAD_DATA");
    if (variable != nullptr && *variable != '\0') return variable;
    const fs::path usual = fs::path("data") / "mnist";
    // An incomplete data set is no reason to take another one without a word: loading it will say
    // what is missing.
    if (!find_files(usual, kFileNames).paths.empty()) return usual;
    return find_sample_folder();
}

fs::path find_sample_folder() {
    const std::vector<fs::path> places = shared_places("sample");
    std::string looked_in;
    for (const fs::path& place : places) {
        if (find_files(place, kFileNames).missing.empty()) return place;
        looked_in += (looked_in.empty() ? "" : ", ") + place.string();
    }
    throw Error(ErrorKind::input, "the bundled sample", "not found", "", "it in " + looked_in);
}

Dataset load_dataset(const fs::path& folder, Splits splits) {
    const bool with_train = splits == Splits::train_and_test;
    const auto names = std::span(kFileNames).last(with_train ? 4 : 2);
    const FoundFiles files = require_files(folder, names);
    const auto test_files = std::span(files.paths).last(2);

    Dataset dataset;
    dataset.folder = files.folder.string();
    std::vector<std::string_view> sums;
    if (with_train) {
        dataset.train = read_split(files.paths[0], files.paths[1], dataset.warnings);
        sums = {dataset.train.images.sha256, dataset.train.labels.sha256};
    }
    dataset.test = read_split(test_files[0], test_files[1], dataset.warnings);
    sums.insert(sums.end(), {dataset.test.images.sha256, dataset.test.labels.sha256});
    if (with_train && (dataset.train.images.rows != dataset.test.images.rows ||
                       dataset.train.images.cols != dataset.test.images.cols))
        throw Error(ErrorKind::input, test_files[0].string(),
                    "images of another size than those to train on",
                    size_string(dataset.test.images), size_string(dataset.train.images));
    identify(dataset, sums);
    return dataset;
}

void hold_out(Dataset& dataset, Index count) {
    IdxImages& images = dataset.train.images;
    if (count >= images.count)
        throw Error(ErrorKind::argument, "--hold-out",
                    "leaves no images to train on (a --convention may have set it)",
                    std::to_string(count), "fewer than " + std::to_string(images.count));
    const Index kept = images.count - count, features = images.rows * images.cols;
    const auto cut = [](auto& from, auto& to, Index at) {
        to.assign(from.begin() + at, from.end());
        from.resize(std::size_t(at));
    };
    dataset.held_out.images.rows = images.rows;
    dataset.held_out.images.cols = images.cols;
    dataset.held_out.images.count = count;
    images.count = kept;
    cut(images.pixels, dataset.held_out.images.pixels, kept * features);
    cut(dataset.train.labels.labels, dataset.held_out.labels.labels, kept);
}

void keep_first(IdxImages& images, Index count) {
    images.count = std::min(images.count, count);
    images.pixels.resize(std::size_t(images.count * images.rows * images.cols));
}

const Split& validation_split(const Dataset& dataset) {
    return dataset.held_out.images.count > 0 ? dataset.held_out : dataset.test;
}

}  // namespace handgrad::apps
