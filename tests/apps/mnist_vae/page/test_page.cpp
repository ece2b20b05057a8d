// HTML pages: what is escaped, and what the policy allows. tests/scripts/test_report.sh computes
// the hashes of a whole page in another way.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "../../../../apps/mnist_vae/page/assets.hpp"
#include "../../../../apps/mnist_vae/page/base64.hpp"
#include "../../../../apps/mnist_vae/page/page.hpp"
#include "../../../../core/error.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;

namespace {

std::string base64_of_text(std::string_view text) { return base64(std::as_bytes(std::span(text))); }

int count(const std::string& text, const std::string& part) {
    int found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++found;
    return found;
}

// What stands between the two, the first time.
std::string between(const std::string& text, const std::string& begin, const std::string& end) {
    const std::size_t from = text.find(begin);
    REQUIRE(from != std::string::npos);
    const std::size_t first = from + begin.size();
    return text.substr(first, text.find(end, first) - first);
}

constexpr const char* kHostile[] = {
    "</script><script>alert(1)</script>",
    "</SCRIPT\n>",
    "<!--<script>",
    "</title><img src=x onerror=alert(1)>",
    "\"'><&amp;]]>",
    "\xe2\x80\xa8 line separator, \x01 control, caf\xc3\xa9",
};

}  // namespace

TEST_CASE("base64: the examples of RFC 4648, section 10") {
    CHECK(base64_of_text("") == "");
    CHECK(base64_of_text("f") == "Zg==");
    CHECK(base64_of_text("fo") == "Zm8=");
    CHECK(base64_of_text("foo") == "Zm9v");
    CHECK(base64_of_text("foob") == "Zm9vYg==");
    CHECK(base64_of_text("fooba") == "Zm9vYmE=");
    CHECK(base64_of_text("foobar") == "Zm9vYmFy");
}

TEST_CASE("csp_hash: the example of the CSP specification, level 3, section 8.1") {
    CHECK(csp_hash("alert('Hello, world.');") ==
          "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
}

TEST_CASE("page: hostile texts stay data") {
    for (const std::string hostile : kHostile) {
        const nlohmann::json data{{"path", hostile}, {hostile, 1}};
        const std::string html = render_page({.title = hostile,
                                              .body = "<p>body</p>\n",
                                              .styles = {"p { color: red; }"},
                                              .scripts = {"let a = 1;", "let b = 2;"},
                                              .data = data.dump()});
        // The elements of the page and no other.
        CHECK(count(html, "<script") == 3);
        CHECK(count(html, "</script") == 3);
        CHECK(count(html, "</SCRIPT") == 0);
        CHECK(count(html, "<!--") == 0);
        CHECK(count(html, "<img") == 0);
        CHECK(count(html, "</title") == 1);
        // And a script reads what was written.
        CHECK(nlohmann::json::parse(between(html, "<script type=\"application/json\" id=\"data\">",
                                            "</script>")) == data);
    }
    CHECK(escape_html("<a b=\"c\" d='e'>&") == "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
}

TEST_CASE("page: the policy names every style sheet and script, and nothing else") {
    const std::string html = render_page({.title = "t",
                                          .body = "",
                                          .styles = {"a {}", "b {}"},
                                          .scripts = {"1;", "2;"},
                                          .data = "{}"});
    CHECK(between(html, "Content-Security-Policy\" content=\"", "\"") ==
          "default-src 'none'; script-src " + csp_hash("1;") + " " + csp_hash("2;") +
              "; style-src " + csp_hash("a {}") + " " + csp_hash("b {}") +
              "; img-src data:; base-uri 'none'; form-action 'none'");
    CHECK(count(html, "<style>a {}</style>") == 1);
    CHECK(count(html, "<script>2;</script>") == 1);
    // The policy holds for what comes after it alone.
    CHECK(html.find("Content-Security-Policy") < html.find("<style>"));
    CHECK(count(html, "unsafe") == 0);
}

TEST_CASE("page: a script or style sheet that could end its element is refused") {
    for (const char* bad : {"let a = '</script>';", "/* <!-- */", "a </ b"}) {
        CHECK_THROWS_AS(
            render_page({.title = {}, .body = {}, .styles = {}, .scripts = {bad}, .data = {}}),
            Error);
        CHECK_THROWS_AS(
            render_page({.title = {}, .body = {}, .styles = {bad}, .scripts = {}, .data = {}}),
            Error);
    }
}

TEST_CASE("assets: known by their names") {
    CHECK(asset("page.css").starts_with("/* What all pages share"));
    CHECK_THROWS_AS(asset("nothing.css"), std::out_of_range);
}
