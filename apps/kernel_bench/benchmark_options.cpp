#include "benchmark_options.hpp"

#include <cctype>
#include <cstdlib>
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
        const std::string number = value.substr(0, value.find_last_not_of("sx") + 1);
        if (value.ends_with('x'))
            parse_integer(name, number, 1, kMostRepetitions);
        else
            parse_non_negative(name, number);
    } else if (name == "--benchmark_filter") {
        check_regex(name, value);
    }
}

// Google Benchmark takes from there what the command line does not say.
void check_environment() {
    for (const char* option : {"format", "out_format", "time_unit", "repetitions", "min_time",
                               "min_warmup_time", "filter"}) {
        std::string variable = std::string("BENCHMARK_") + option;
        for (char& c : variable) c = char(std::toupper(static_cast<unsigned char>(c)));
        if (const char* value = std::getenv(variable.c_str()))
            check_option(std::string("--benchmark_") + option, value);
    }
}

}  // namespace

void check_benchmark_options(std::span<char* const> arguments) {
    check_environment();
    for (const std::string argument : arguments) {
        const std::size_t equals = argument.find('=');
        if (equals != std::string::npos)
            check_option(argument.substr(0, equals), argument.substr(equals + 1));
    }
}

}  // namespace handgrad::apps::kernel_bench
