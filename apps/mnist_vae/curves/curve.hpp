// Published validation curves, one a file: what others measured, of which model, and how far from
// it a run may lie. The format is described in curves/README.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../../../core/matrix.hpp"

namespace handgrad::apps::mnist_vae {

// A file has a line for each epoch; this is far more.
inline constexpr std::uint64_t kMaxCurveBytes = 1 << 20;

// What the pixels were whose loss was measured. Losses of two families must never be compared.
enum class CurveFamily {
    grey,       // an objective, not a likelihood
    dynamic,    // black and white, drawn from the grey ones anew for every epoch
    once,       // drawn once, each program for itself
    threshold,  // white from 128 on
    fixed       // the files of the literature, drawn once for everybody
};

// As files spell them, in the order of the enumeration.
inline constexpr const char* kFamilyNames[] = {"grey", "dynamic", "static", "threshold", "fixed"};

struct CurvePoint {
    Index epoch = 0;                      // counted from 1
    double val_loss = 0, band = 0;        // nats per image
    std::optional<double> recon{}, kl{};  // both or neither
};

struct Curve {
    std::string name;  // what the user calls it
    std::string title, source;
    std::string band;  // where the bands come from
    std::string data;  // of which data set; empty: of any
    CurveFamily family = CurveFamily::grey;
    // What is known of model and recipe: the value of an option of `train`, by its name.
    std::map<std::string, std::string> facts;
    std::vector<CurvePoint> points;  // epochs ascending, at least one
};

// The facts that make another quantity or another model of it; all others are the recipe's. Those
// that every curve must state come first.
inline constexpr const char* kModelFacts[] = {"hidden",     "latent", "recon-loss",    "val-z",
                                              "activation", "beta",   "pixel-variance"};
inline constexpr int kRequiredFacts = 4;
inline constexpr const char* kRecipeFacts[] = {
    "batch-size",  "lr",        "lr-schedule", "optimizer", "adam", "init",
    "output-bias", "objective", "samples",     "reduction", "head", "kl-warmup",
    "free-bits",   "clip-norm", "shuffle",     "hold-out"};

// Throws Error(input) naming `where` and the line.
Curve parse_curve(const std::string& text, const std::string& where);

// A curve that ships with the program, by its name, or a file of the user's, if the text has a '/'
// or a '.'. Throws Error(argument) for an unknown name, Error(input) for a file that cannot be
// read or parsed.
Curve load_curve(const std::string& name_or_file);

// The curves that ship with the program, by name. Throws Error(input) if they cannot be found.
std::vector<Curve> shipped_curves();

}  // namespace handgrad::apps::mnist_vae
