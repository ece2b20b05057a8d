#include "benchmark_options.hpp"

#include <fstream>
#include <regex>
#include <string>

#include "../../core/error.hpp"
#include "../common/option_values.hpp"

namespace handgrad::apps::kernel_bench {

namespace {

// More repetitions than anybody waits for; Google Benchmark reserves memory for all of them.
constexpr std::uint64_t kMostRepetitions = 1'000'000;

void check_regex(const std::string& where, const std::string& text) try {
    // A dash before the pattern means all that it does not match.
    std::regex(text.starts_with('-') ? text.substr(1) : text, std::regex::extended);
} catch (const std::regex_error&) {
    throw Error(ErrorKind::argument, where, "not a regular expression", "'" + text + "'");
}

void check_writable(const std::string& where, const std::string& path) {
    if (!std::ofstream(path, std::ios::app))
        throw Error(ErrorKind::output, where + "=" + path, "cannot be written");
}

void check_option(const std::string& name, const std::string& value) {
    if (name == "--benchmark_format" || name == "--benchmark_out_format") {
        constexpr const char* kFormats[] = {"console", "json", "csv"};
        parse_choice(name, value, kFormats, 3);
    } else if (name == "--benchmark_time_unit") {
        constexpr const char* kUnits[] = {"ns", "us", "ms", "s"};
        parse_choice(name, value, kUnits, 4);
    } else if (name == "--benchmark_repetitions") {
        parse_integer(name, value, 1, kMostRepetitions);
    } else if (name == "--benchmark_min_time" || name == "--benchmark_min_warmup_time") {
        // Its later versions write seconds as 2s, and a number of iterations as 100x.
        if (!value.ends_with('x'))
            parse_non_negative(name,
                               value.ends_with('s') ? value.substr(0, value.size() - 1) : value);
    } else if (name == "--benchmark_filter") {
        check_regex(name, value);
    } else if (name == "--benchmark_out" && !value.empty()) {
        check_writable(name, value);
    }
}

}  // namespace

void check_benchmark_options(std::span<char* const> arguments) {
    for (const std::string argument : arguments) {
        const std::size_t equals = argument.find('=');
        if (equals != std::string::npos)
            check_option(argument.substr(0, equals), argument.substr(equals + 1));
    }
}

}  // namespace handgrad::apps::kernel_bench
