#include "page.hpp"

#include <cstdint>

#include "../../../core/error.hpp"
#include "../../../core/io/sha256.hpp"
#include "base64.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

std::byte from_hex(char high, char low) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    return static_cast<std::byte>(16 * digit(high) + digit(low));
}

void check_inline(std::string_view text) {
    for (const char* end : {"</", "<!--"})
        if (text.find(end) != std::string_view::npos)
            throw Error(ErrorKind::argument, "render_page",
                        "a style sheet or script has " + std::string(end) + " in it");
}

// " 'sha256-...' 'sha256-...'"
std::string hashes(const std::vector<std::string_view>& texts) {
    std::string list;
    for (std::string_view text : texts) list += " " + csp_hash(text);
    return list.empty() ? " 'none'" : list;
}

// The elements, each with exactly the text that its hash is of.
std::string elements(const char* name, const std::vector<std::string_view>& texts) {
    std::string html;
    for (std::string_view text : texts) {
        check_inline(text);
        html.append("<").append(name).append(">").append(text);
        html.append("</").append(name).append(">\n");
    }
    return html;
}

}  // namespace

std::string escape_html(std::string_view text) {
    std::string escaped;
    for (char c : text) switch (c) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            case '\'':
                escaped += "&#39;";
                break;
            default:
                escaped += c;
        }
    return escaped;
}

std::string escape_json_for_script(std::string_view json) {
    std::string escaped;
    escaped.reserve(json.size());
    for (char c : json)
        if (c == '<')
            escaped += "\\u003c";
        else
            escaped += c;
    return escaped;
}

std::string csp_hash(std::string_view text) {
    const std::string hex = sha256_hex(std::as_bytes(std::span(text)));
    std::vector<std::byte> digest;
    for (std::size_t i = 0; i < hex.size(); i += 2) digest.push_back(from_hex(hex[i], hex[i + 1]));
    return "'sha256-" + base64(digest) + "'";
}

std::string render_page(const Page& page) {
    std::string html =
        "<!DOCTYPE html>\n"
        "<html lang=\"en\">\n"
        "<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src" +
        hashes(page.scripts) + "; style-src" + hashes(page.styles) +
        "; img-src data:; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        // Without it a browser may ask the server for one.
        "<link rel=\"icon\" href=\"data:,\">\n"
        "<title>" +
        escape_html(page.title) + "</title>\n" + elements("style", page.styles) +
        "</head>\n"
        "<body>\n";
    html += page.body;
    html += "<script type=\"application/json\" id=\"data\">";
    html += escape_json_for_script(page.data);
    html += "</script>\n" + elements("script", page.scripts) + "</body>\n</html>\n";
    return html;
}

}  // namespace handgrad::apps::mnist_vae
