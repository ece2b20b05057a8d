// options.toml, and the files of --config: the options of `train` as text, one a line.
#include <sstream>

#include "../../../core/error.hpp"
#include "../../../core/io/file.hpp"
#include "../../common/option_values.hpp"
#include "../../common/text_encoding.hpp"
#include "options.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

std::string trim(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

std::string to_toml(const TrainOptions& options) {
    std::string text = "# The options of this run; `mnist_vae train --config` reads them back.\n";
    for (const OptionDescription& d : train_option_descriptions()) {
        std::string value = d.get(options);
        if (d.name == "data" && value.empty()) continue;
        if (d.name == "hidden") {
            value = "[" + value + "]";
        } else if (d.is_text) {
            std::string escaped;
            for (char c : value) {
                if (c == '"' || c == '\\') escaped += '\\';
                escaped += c == '\n' ? "\\n" : std::string(1, c);
            }
            value = '"' + escaped + '"';
        }
        text += d.name + " = " + value + "\n";
    }
    return text;
}

// A string in quotes, a list in brackets, or a bare word; the rest of the line a comment at most.
static std::string parse_toml_value(const std::string& text, const std::string& where) {
    const auto bad = [&](const char* expected) -> Error {
        return {ErrorKind::argument, where, "bad value", text, expected};
    };
    const auto check_rest = [&](std::size_t from) {
        const std::string rest = trim(text.substr(from));
        if (!rest.empty() && rest[0] != '#') throw bad("nothing after the value");
    };
    if (text.starts_with('"')) {
        std::string value;
        for (std::size_t i = 1; i < text.size(); ++i) {
            if (text[i] == '"') {
                check_rest(i + 1);
                return value;
            }
            if (text[i] != '\\') {
                value += text[i];
                continue;
            }
            if (++i == text.size() || (text[i] != '"' && text[i] != '\\' && text[i] != 'n'))
                throw bad("\\\", \\\\ or \\n after a backslash");
            value += text[i] == 'n' ? '\n' : text[i];
        }
        throw bad("a closing quote");
    }
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string::npos) throw bad("a closing bracket");
        check_rest(end + 1);
        std::string value;
        std::stringstream items(text.substr(1, end - 1) + ",");
        for (std::string item; std::getline(items, item, ',');) value += trim(item) + ",";
        value.pop_back();
        return value;
    }
    return trim(text.substr(0, text.find('#')));
}

// Text stands in quotes, a list in brackets, a number in neither.
static void check_toml_kind(const OptionDescription& option, const std::string& text,
                            const std::string& where) {
    const bool quoted = text.starts_with('"'), list = text.starts_with('[');
    const bool list_wanted = option.name == "hidden";
    if (quoted == option.is_text && list == list_wanted) return;
    throw Error(ErrorKind::argument, where, "bad value", text,
                option.is_text ? "a text in quotes"
                : list_wanted  ? "a list in brackets"
                               : "a number without quotes or brackets");
}

std::map<std::string, std::string> parse_toml(const std::string& text, const std::string& path) {
    if (const char* encoding = other_encoding(text))
        throw Error(ErrorKind::argument, path, "another encoding", encoding, "UTF-8");
    std::map<std::string, std::string> values;
    std::stringstream lines{std::string(skip_byte_order_mark(text))};
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        line = trim(line);
        if (line.empty()) continue;
        const std::string where = path + ", line " + std::to_string(number);
        // A path would end there.
        if (line.find('\0') != std::string::npos)
            throw Error(ErrorKind::argument, where, "a zero byte", line, "a line of text");
        if (line[0] == '#') continue;
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos)
            throw Error(ErrorKind::argument, where, "not a setting", line, "key = value");
        const std::string key = trim(line.substr(0, equals));
        const OptionDescription* option = nullptr;
        std::vector<std::string> names;
        for (const auto descriptions : {train_option_descriptions(), shorthand_descriptions()})
            for (const OptionDescription& d : descriptions) {
                if (d.name == key) option = &d;
                names.push_back(d.name);
            }
        if (option == nullptr) {
            const std::string close = closest_name(key, names);
            throw Error(ErrorKind::argument, where, "unknown key", key,
                        close.empty() ? "an option of train" : close + "?");
        }
        const std::string written = trim(line.substr(equals + 1));
        const std::string place = where + ", key '" + key + "'";
        check_toml_kind(*option, written, place);
        const std::string value = parse_toml_value(written, place);
        if (!values.emplace(key, value).second)
            throw Error(ErrorKind::argument, where, "a key stands twice", key);
        TrainOptions scratch;  // a bad value is reported with its line
        apply({{key, value}}, scratch, where + ", ");
    }
    return values;
}

TrainOptions read_run_options(const std::string& path) {
    const std::vector<std::byte> bytes = read_file(path, kMaxConfigBytes);
    return parse_run_options({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

TrainOptions parse_run_options(const std::string& text, const std::string& path) try {
    TrainOptions options;
    apply(parse_toml(text, path), options, path + ", ");
    try {
        check_combination(options);
    } catch (const Error& e) {
        throw Error(ErrorKind::argument, path, e.what());
    }
    return options;
} catch (const Error& e) {
    throw Error(ErrorKind::input, "", e.what());
}

}  // namespace handgrad::apps::mnist_vae
