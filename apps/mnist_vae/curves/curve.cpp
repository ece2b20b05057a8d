#include "curve.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <sstream>

#include "../../../core/error.hpp"
#include "../../../core/io/file.hpp"
#include "../../common/option_values.hpp"
#include "../../common/shared_files.hpp"
#include "../../common/text_encoding.hpp"
#include "../options/options.hpp"

namespace handgrad::apps::mnist_vae {

namespace fs = std::filesystem;

namespace {

constexpr const char* kColumns = "epoch val_loss band";
constexpr const char* kAllColumns = "epoch val_loss band val_recon val_kl";
constexpr std::uint64_t kMaxEpoch = 1'000'000'000;
constexpr const char* kSuffix = ".txt";

[[noreturn]] void refuse(const std::string& where, const char* problem, const std::string& found,
                         const std::string& expected) {
    throw Error(ErrorKind::argument, where, problem, "'" + found + "'", expected);
}

bool is_fact(const std::string& key) {
    const auto is_key = [&](const char* name) { return key == name; };
    return std::any_of(std::begin(kModelFacts), std::end(kModelFacts), is_key) ||
           std::any_of(std::begin(kRecipeFacts), std::end(kRecipeFacts), is_key);
}

// The value as `train` would spell it.
std::string parse_fact(const std::string& where, const std::string& key, const std::string& value) {
    for (const OptionDescription& d : train_option_descriptions()) {
        if (d.name != key) continue;
        TrainOptions scratch;
        d.set(scratch, where, value);
        return d.get(scratch);
    }
    refuse(where, "no option of train", key, "one");
}

void parse_setting(const std::string& where, const std::string& line, Curve& curve,
                   std::map<std::string, std::string>& texts) {
    const std::size_t equals = line.find(" = ");
    if (equals == std::string::npos)
        refuse(where, "not a setting", line, std::string("key = value, or ") + kColumns);
    const std::string key = line.substr(0, equals), value = line.substr(equals + 3);
    const std::string place = where + ", key '" + key + "'";
    if (value.empty()) refuse(place, "bad value", value, "a text");
    bool is_new = false;
    if (texts.contains(key)) {
        is_new = texts[key].empty();
        texts[key] = value;
        if (key == "family")
            curve.family = static_cast<CurveFamily>(
                parse_choice(place, value, kFamilyNames, std::size(kFamilyNames)));
    } else if (is_fact(key)) {
        is_new = curve.facts.emplace(key, parse_fact(place, key, value)).second;
    } else {
        refuse(where, "unknown key", key, "one that curves/README.md lists");
    }
    if (!is_new) throw Error(ErrorKind::argument, where, "a key stands twice", key);
}

CurvePoint parse_point(const std::string& where, const std::string& line, bool with_parts,
                       Index last_epoch) {
    std::vector<std::string> cells;
    std::stringstream words(line);
    for (std::string word; words >> word;) cells.push_back(word);
    const std::size_t columns = with_parts ? 5 : 3;
    if (cells.size() != columns)
        refuse(where, "wrong number of values", line, std::to_string(columns));
    CurvePoint point{
        .epoch = static_cast<Index>(parse_integer(where + ", epoch", cells[0], 1, kMaxEpoch)),
        .val_loss = parse_number(where + ", val_loss", cells[1]),
        .band = parse_positive(where + ", band", cells[2])};
    if (point.epoch <= last_epoch)
        refuse(where, "epochs are not in ascending order", cells[0],
               "more than " + std::to_string(last_epoch));
    if (with_parts) {
        point.recon = parse_number(where + ", val_recon", cells[3]);
        point.kl = parse_non_negative(where + ", val_kl", cells[4]);
    }
    return point;
}

Curve parse(const std::string& text, const std::string& path) {
    Curve curve{
        .name = path, .title = {}, .source = {}, .band = {}, .data = {}, .facts = {}, .points = {}};
    std::map<std::string, std::string> texts{
        {"title", ""}, {"source", ""}, {"family", ""}, {"band", ""}, {"data", ""}};
    bool in_table = false, with_parts = false;
    if (const char* encoding = other_encoding(text))
        throw Error(ErrorKind::argument, path, "another encoding", encoding, "ASCII");
    std::stringstream lines{std::string(skip_byte_order_mark(text))};
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        line.erase(line.find_last_not_of(" \t\r") + 1);
        if (line.empty()) continue;
        const std::string where = path + ", line " + std::to_string(number);
        // Its texts are shown in a terminal.
        if (std::any_of(line.begin(), line.end(), [](char c) { return c < 0x20 || c > 0x7e; }))
            refuse(where, "characters that cannot be printed", line, "printable ASCII");
        if (line[0] == '#') continue;
        if (in_table) {
            const Index last = curve.points.empty() ? 0 : curve.points.back().epoch;
            curve.points.push_back(parse_point(where, line, with_parts, last));
        } else if (line == kColumns || line == kAllColumns) {
            in_table = true;
            with_parts = line == kAllColumns;
        } else {
            parse_setting(where, line, curve, texts);
        }
    }
    for (const char* key : {"title", "source", "family", "band"})
        if (texts[key].empty()) throw Error(ErrorKind::argument, path, "a key is missing", "", key);
    for (int i = 0; i < kRequiredFacts; ++i)
        if (!curve.facts.contains(kModelFacts[i]))
            throw Error(ErrorKind::argument, path, "a key is missing", "", kModelFacts[i]);
    if (curve.points.empty())
        throw Error(ErrorKind::argument, path, "no values", "",
                    std::string("lines below ") + kColumns);
    curve.title = texts["title"];
    curve.source = texts["source"];
    curve.band = texts["band"];
    curve.data = texts["data"];
    return curve;
}

Curve read_curve(const std::string& path) {
    const std::vector<std::byte> bytes = read_file(path, kMaxCurveBytes);
    return parse_curve({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

}  // namespace

Curve parse_curve(const std::string& text, const std::string& where) try {
    return parse(text, where);
} catch (const Error& e) {
    throw Error(ErrorKind::input, "", e.what());
}

std::vector<Curve> shipped_curves() {
    std::string looked_in;
    for (const fs::path& place : shared_places("curves")) {
        std::vector<Curve> curves;
        std::error_code unreadable;
        for (const fs::directory_entry& entry : fs::directory_iterator(place, unreadable)) {
            if (entry.path().extension() != kSuffix) continue;
            curves.push_back(read_curve(entry.path().string()));
            curves.back().name = entry.path().stem().string();
        }
        std::sort(curves.begin(), curves.end(),
                  [](const Curve& a, const Curve& b) { return a.name < b.name; });
        if (!curves.empty()) return curves;
        looked_in += (looked_in.empty() ? "" : ", ") + place.string();
    }
    throw Error(ErrorKind::input, "the published curves", "not found", "", "them in " + looked_in);
}

Curve load_curve(const std::string& name_or_file) {
    if (name_or_file.find_first_of("./") != std::string::npos) return read_curve(name_or_file);
    std::string names;
    for (Curve& curve : shipped_curves()) {
        if (curve.name == name_or_file) return std::move(curve);
        names += curve.name + ", ";
    }
    throw Error(ErrorKind::argument, "--compare-to", "no such curve", "'" + name_or_file + "'",
                "list, one of " + names + "or a file, as in ./mine.txt");
}

}  // namespace handgrad::apps::mnist_vae
