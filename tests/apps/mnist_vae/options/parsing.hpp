// `mnist_vae train` with some arguments, as far as its options.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../../../../apps/mnist_vae/options/options.hpp"
#include "../../../../core/error.hpp"

namespace handgrad::test {

inline apps::mnist_vae::TrainCommand train(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "train");
    return std::get<apps::mnist_vae::TrainCommand>(apps::mnist_vae::parse_command_line(arguments));
}

// The message with which a whole command line is refused; empty if it is not.
inline std::string refusal(const std::vector<std::string>& arguments) {
    try {
        apps::mnist_vae::parse_command_line(arguments);
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::argument);
        CHECK(std::string(e.what()).find('\n') == std::string::npos);
        return e.what();
    }
    return {};
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace handgrad::test
