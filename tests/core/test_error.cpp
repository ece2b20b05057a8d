#include "../../core/error.hpp"

#include <doctest/doctest.h>

using handgrad::Error;
using handgrad::ErrorKind;

TEST_CASE("error: the message has the parts that there are") {
    const auto message = [](const char* where, const char* found, const char* expected) {
        return std::string(Error(ErrorKind::input, where, "what", found, expected).what());
    };
    CHECK(message("where", "F", "E") == "where: what: found F, expected E");
    CHECK(message("where", "", "E") == "where: what: expected E");
    CHECK(message("where", "F", "") == "where: what: found F");
    CHECK(message("", "", "") == "what");
}

TEST_CASE("error: what was found is cut in the message, between two characters") {
    const std::string as(1000, 'a');
    CHECK(std::string(Error(ErrorKind::input, "w", "x", as).what()) == "w: x: found " + as);
    CHECK(std::string(Error(ErrorKind::input, "w", "x", as + "a").what()) ==
          "w: x: found " + as + "...");
    // Two bytes each, and so not cut after the 1000th.
    std::string umlauts = "a";
    for (int i = 0; i < 1000; ++i) umlauts += "\xc3\xa4";
    const Error cut(ErrorKind::input, "w", "x", umlauts);
    CHECK(std::string(cut.what()) == "w: x: found " + umlauts.substr(0, 999) + "...");
    CHECK(cut.found() == umlauts);
    // What is no UTF-8 is cut all the same, and not left out.
    const std::string bytes(2000, '\x80');
    CHECK(std::string(Error(ErrorKind::input, "w", "x", bytes).what()) ==
          "w: x: found " + bytes.substr(0, 997) + "...");
}

TEST_CASE("error: a zero byte does not end the message") {
    const Error error(ErrorKind::argument, std::string("k\0", 2), "bad", std::string("1\0", 2),
                      "a 1");
    CHECK(std::string(error.what()) == "k\\x00: bad: found 1\\x00, expected a 1");
}
