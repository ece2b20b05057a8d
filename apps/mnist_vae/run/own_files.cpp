#include "own_files.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "../../../core/error.hpp"
#include "../../../core/io/atomic_file.hpp"
#include "../../../core/io/file.hpp"
#include "../../../core/io/safetensors.hpp"
#include "../options/options.hpp"
#include "log_csv.hpp"
#include "run_folder.hpp"
#include "sample_history.hpp"

namespace handgrad::apps::mnist_vae {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

namespace {

// More than any of the beginnings below.
constexpr std::uint64_t kBeginning = 512;

bool is_csv(std::string_view begin, std::string header) {
    return begin.starts_with(header + "\n") || begin.starts_with(header + kMistakeColumn + "\n");
}

// 8 bits of grey without interlacing, and then at once the pixels: programs that draw have more to
// say before them.
bool is_png(std::string_view begin) {
    return begin.starts_with("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"sv) && begin.size() > 41 &&
           begin.substr(24, 5) == "\x08\0\0\0\0"sv && begin.substr(37, 4) == "IDAT";
}

// The version of the format, and the producer.
bool is_onnx(std::string_view begin) {
    return begin.starts_with("\x08"sv) && begin.size() > 2 &&
           begin.substr(2).starts_with("\x12\x08handgrad"sv);
}

bool is_page(std::string_view begin) {
    return begin.starts_with(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "script-src 'sha256-");
}

std::string read_beginning(const std::string& path, std::uint64_t most) {
    InputFile file(path);
    std::string begin(std::size_t(std::min(file.size(), most)), '\0');
    file.read(std::as_writable_bytes(std::span(begin)));
    return begin;
}

// All options, as they are written at the start of a run; a user's own file has some of them, or
// comments.
bool is_options_of_a_run(const std::string& text) try {
    return to_toml(parse_run_options(text, "")) == text;
} catch (const Error&) {
    return false;
}

bool is_config(const std::string& text) try {
    parse_config(text, RunFolder{});
    return text.size() <= kMaxJsonBytes;
} catch (const Error&) {
    return false;
}

}  // namespace

bool is_there(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(path, ignored));
}

bool is_own_file(const fs::path& path) {
    std::error_code error;
    if (fs::symlink_status(path, error).type() != fs::file_type::regular) return false;
    const std::string name = path.filename();
    const bool is_whole_read = name == "options.toml" || name == "config.json";
    const std::string begin = read_beginning(path, is_whole_read ? kMaxJsonBytes + 1 : kBeginning);
    if (begin.empty()) return true;
    if (name == "options.toml") return is_options_of_a_run(begin);
    if (name == "config.json") return is_config(begin);
    if (name == "log.csv") return is_csv(begin, kLogHeader);
    if (name == "latents.csv") return is_csv(begin, kLatentsHeader);
    if (name == "samples.csv") return is_csv(begin, kSamplesHeader);
    if (name == "profile.txt") return begin.starts_with("\nprofile of ");
    if (name.ends_with(".safetensors") || name == previous_path("checkpoint.safetensors"))
        return begins_as_own_safetensors(begin);
    if (name.ends_with(".png")) return is_png(begin);
    if (name.ends_with(".html")) return is_page(begin);
    if (name.ends_with(".onnx")) return is_onnx(begin);
    return false;
}

void check_own_file(const fs::path& path) {
    if (is_there(path) && !is_own_file(path))
        throw Error(ErrorKind::output, path, "is not replaced", "a file that is not ours",
                    "nothing of that name, or a file that this program wrote");
}

Output output_in_run(const fs::path& path) {
    Output output(path, Links::refuse);
    check_own_file(path);
    return output;
}

}  // namespace handgrad::apps::mnist_vae
