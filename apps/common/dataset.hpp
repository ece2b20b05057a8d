// Finding and reading a data set: the four IDX files of MNIST and of those made in its likeness.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "../../core/io/idx.hpp"

namespace handgrad::apps {

struct Split {
    IdxImages images;
    IdxLabels labels;  // one per image
};

struct Dataset {
    Split train, test;      // a split that was not asked for is empty
    Split held_out;         // of the training images; empty unless hold_out() was called
    std::string name;       // "MNIST (verified)", ..., or "unverified IDX data"
    bool verified = false;  // every file read has the SHA-256 that is known for it
    bool sample = false;    // the digits that ship with the program
    std::string folder;     // where the files themselves are
    std::vector<std::string> warnings;  // what is odd about the files, a line each
    std::string hash;  // one SHA-256 over those of the files read, to tell data sets apart
};

enum class Splits { train_and_test, test_only };

// The folder to load: `data_option` (the user's --data) if given; else what the environment
// variable HANDGRAD_DATA names, if set and not empty; else data/mnist, if any file of a data set is
// there; else the sample. Only the last two are looked at.
// Throws Error(input) if the sample is wanted and cannot be found.
std::filesystem::path find_data_folder(const std::optional<std::string>& data_option);

// The digits that ship with the program. Throws Error(input) if they are in none of their places
// (shared_files.hpp).
std::filesystem::path find_sample_folder();

// Reads the files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
// t10k-labels-idx1-ubyte (test_only: the last two), or with a dot before "idx" as some archives
// have it; plain or with ".gz" (plain first); all from `folder`, or all from its MNIST/raw or
// FashionMNIST/raw, as torchvision leaves them. Images may have any size, the same in both splits.
// Throws Error(input) for files that are missing or bad, for a gzipped file whose name does not say
// so (a plain one that is called .gz is warned of), for splits whose images differ in size,
// and for as many labels as there are not images.
Dataset load_dataset(const std::filesystem::path& folder, Splits splits = Splits::train_and_test);

// Moves the last `count` training images to held_out, to validate on. Throws Error(argument) unless
// some are left.
void hold_out(Dataset& dataset, Index count);

// Leaves the first `count` images, or all if there are fewer.
void keep_first(IdxImages& images, Index count);

// What training validates on: the images held out, or the test images if there are none.
const Split& validation_split(const Dataset& dataset);

}  // namespace handgrad::apps
