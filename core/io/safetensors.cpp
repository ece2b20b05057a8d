#include "safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "../error.hpp"
#include "safetensors_header.hpp"
#include "sha256.hpp"

namespace handgrad {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

using detail::bytes_per_element;
using detail::in_quotes;
using detail::kMetadataName;
using nlohmann::json;

namespace {

// The parser needs up to ten times as much memory.
constexpr std::uint64_t kMaxHeaderBytes = 16 << 20;
constexpr std::size_t kLengthBytes = 8;
constexpr const char* kChecksumKey = "sha256";
constexpr std::string_view kNoChecksum =
    "0000000000000000000000000000000000000000000000000000000000000000";
// How every header with a checksum begins, so that the place of the value is known without a
// search, which some other text of the header might mislead.
constexpr std::string_view kChecksumPrefix = "{\"__metadata__\":{\"sha256\":\"";
constexpr std::size_t kChecksumPlace = kLengthBytes + kChecksumPrefix.size();

std::string digest_without_checksum(std::span<const std::byte> bytes) {
    Sha256 hash;
    hash.add(bytes.first(kChecksumPlace));
    hash.add(std::as_bytes(std::span(kNoChecksum)));
    hash.add(bytes.subspan(kChecksumPlace + kNoChecksum.size()));
    return hash.finish();
}

std::string byte_count(std::uint64_t n) { return std::to_string(n) + " bytes"; }

std::string shape_text(const std::vector<std::uint64_t>& shape) { return json(shape).dump(); }

std::vector<std::uint64_t> shape_in_file(ConstBlockedView values, TensorLayout layout) {
    const auto rows = static_cast<std::uint64_t>(values.rows);
    const auto cols = static_cast<std::uint64_t>(values.cols);
    switch (layout) {
        case TensorLayout::as_is:
            return {rows, cols};
        case TensorLayout::transposed:
            return {cols, rows};
        case TensorLayout::vector:
            return {cols};
    }
    return {};
}

// The header of a file, padded, with kNoChecksum. The tensors are in the order of the data.
std::string header_text(const std::vector<TensorToWrite>& tensors, const Metadata& metadata) {
    nlohmann::ordered_json header;
    nlohmann::ordered_json& entries = header[kMetadataName];
    entries[kChecksumKey] = kNoChecksum;
    for (const auto& [key, value] : metadata)
        if (key != kChecksumKey) entries[key] = value;
    std::uint64_t end = 0;
    for (const TensorToWrite& t : tensors) {
        const std::uint64_t begin = end;
        end += sizeof(float) * static_cast<std::uint64_t>(t.values.rows * t.values.cols);
        header[t.name] = {{"dtype", "F32"},
                          {"shape", shape_in_file(t.values, t.layout)},
                          {"data_offsets", {begin, end}}};
    }
    std::string text;
    try {
        text = header.dump();
    } catch (const nlohmann::json::exception&) {
        throw Error(ErrorKind::argument, "serialize_safetensors", "a name or metadata",
                    "other bytes", "UTF-8");
    }
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
}

void check_tensors(const std::vector<TensorToWrite>& sorted) {
    const auto refuse = [](const TensorToWrite& t, const char* found, const char* expected) {
        throw Error(ErrorKind::argument, "serialize_safetensors", "tensor " + in_quotes(t.name),
                    found, expected);
    };
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        const TensorToWrite& t = sorted[i];
        if (i > 0 && t.name == sorted[i - 1].name) refuse(t, "the name twice", "every name once");
        if (t.name == kMetadataName) refuse(t, "the name of the metadata", "another name");
        if (t.layout == TensorLayout::vector && t.values.rows != 1)
            refuse(t, "a vector of several rows", "one row");
    }
}

// Writes the elements in the order of the file and returns the end.
std::byte* append(const TensorToWrite& t, std::byte* out) {
    const ConstBlockedView& m = t.values;
    const bool transposed = t.layout == TensorLayout::transposed;
    for (Index k = 0; k < m.rows * m.cols; ++k) {
        const float value = transposed ? m(k % m.rows, k / m.rows) : m(k / m.cols, k % m.cols);
        std::memcpy(out, &value, sizeof value);
        out += sizeof value;
    }
    return out;
}

float float_at(const std::byte* bytes) {
    float value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

}  // namespace

bool begins_as_own_safetensors(std::string_view begin) {
    constexpr std::size_t kLengthBytes = 8;
    return begin.size() > kLengthBytes && begin.substr(kLengthBytes).starts_with(kChecksumPrefix);
}

std::vector<std::byte> serialize_safetensors(std::vector<TensorToWrite> tensors,
                                             Metadata metadata) {
    std::sort(tensors.begin(), tensors.end(),
              [](const TensorToWrite& a, const TensorToWrite& b) { return a.name < b.name; });
    check_tensors(tensors);
    const std::string header = header_text(tensors, metadata);
    std::size_t size = kLengthBytes + header.size();
    for (const TensorToWrite& t : tensors)
        size += sizeof(float) * static_cast<std::size_t>(t.values.rows * t.values.cols);

    std::vector<std::byte> bytes(size);
    const std::uint64_t length = header.size();
    std::memcpy(bytes.data(), &length, kLengthBytes);
    std::memcpy(bytes.data() + kLengthBytes, header.data(), header.size());
    std::byte* out = bytes.data() + kLengthBytes + header.size();
    for (const TensorToWrite& t : tensors) out = append(t, out);

    const std::string digest = digest_without_checksum(bytes);
    std::memcpy(bytes.data() + kChecksumPlace, digest.data(), digest.size());
    return bytes;
}

SafetensorsFile::SafetensorsFile(std::vector<std::byte> bytes, std::string path)
    : bytes_(std::move(bytes)), path_(std::move(path)) {
    const std::size_t length = header_length();
    data_begin_ = kLengthBytes + length;
    const char* header = reinterpret_cast<const char*>(bytes_.data()) + kLengthBytes;
    if (length == 0 || *header != '{')
        refuse("not a safetensors file", length == 0 ? "an empty header" : in_quotes({header, 1}),
               "a header that begins with '{'");
    // The JSON parser takes a zero byte for the end, and whatever follows would go unread.
    if (std::memchr(header, 0, length) != nullptr) refuse("the header", "a zero byte", "JSON text");
    detail::SafetensorsHeaderReader reader(path_, tensors_, metadata_);
    json::sax_parse(header, header + length, &reader);
    check_places();
}

void SafetensorsFile::refuse(const std::string& what, const std::string& found,
                             const std::string& expected) const {
    throw Error(ErrorKind::input, path_, what, found, expected);
}

std::size_t SafetensorsFile::header_length() const {
    if (bytes_.size() < kLengthBytes)
        refuse("too short for a safetensors file", byte_count(bytes_.size()), "at least 8");
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kLengthBytes);
    if (length > kMaxHeaderBytes)
        refuse("header too long, or no safetensors file", byte_count(length),
               "at most " + std::to_string(kMaxHeaderBytes));
    if (length > bytes_.size() - kLengthBytes)
        refuse("the header is cut short", byte_count(bytes_.size() - kLengthBytes),
               std::to_string(length));
    return static_cast<std::size_t>(length);
}

// Every tensor is as large as its shape says, and together they fill the data exactly.
void SafetensorsFile::check_places() const {
    std::vector<std::tuple<std::uint64_t, std::uint64_t, std::string>> places;
    for (const auto& [name, t] : tensors_) {
        const std::string of_tensor = " of tensor " + in_quotes(name);
        if (t.end < t.begin)
            refuse("data_offsets" + of_tensor, "an end of " + std::to_string(t.end),
                   "at least the begin, " + std::to_string(t.begin));
        std::uint64_t size = bytes_per_element(t.dtype);
        for (std::uint64_t dimension : t.shape)
            if (__builtin_mul_overflow(size, dimension, &size))
                refuse("shape" + of_tensor, shape_text(t.shape), "less than 2^64 bytes");
        if (size != t.end - t.begin)
            refuse("shape and data_offsets" + of_tensor + " disagree", byte_count(t.end - t.begin),
                   std::to_string(size));
        places.emplace_back(t.begin, t.end, name);
    }
    std::sort(places.begin(), places.end());

    std::uint64_t filled = 0;
    for (const auto& [begin, end, name] : places) {
        if (begin != filled)
            refuse((begin > filled ? "a gap before tensor " : "an overlap before tensor ") +
                       in_quotes(name),
                   "a begin of " + std::to_string(begin), std::to_string(filled));
        filled = end;
    }
    const std::uint64_t size = bytes_.size() - data_begin_;
    if (filled != size)
        refuse(filled > size ? "the data are cut short" : "something follows the last tensor",
               byte_count(size) + " of data", std::to_string(filled));
}

const SafetensorsFile::Tensor& SafetensorsFile::tensor(const std::string& name) const {
    const auto entry = tensors_.find(name);
    if (entry == tensors_.end()) refuse("tensor " + in_quotes(name), "none", "one of that name");
    return entry->second;
}

const std::string& SafetensorsFile::metadata(const std::string& key) const {
    const auto entry = metadata_.find(key);
    if (entry == metadata_.end()) refuse("metadata " + in_quotes(key), "none", "a value");
    return entry->second;
}

bool SafetensorsFile::has_checksum() const { return metadata_.contains(kChecksumKey); }

void SafetensorsFile::require_checksum() const {
    const std::string& stated = metadata(kChecksumKey);
    const std::string_view file(reinterpret_cast<const char*>(bytes_.data()), data_begin_);
    if (stated.size() != kNoChecksum.size() ||
        file.substr(kLengthBytes, kChecksumPrefix.size()) != kChecksumPrefix ||
        file.substr(kChecksumPlace, stated.size()) != stated)
        refuse("the checksum is not in its place: the file is damaged", in_quotes(stated),
               "64 digits at the start of the header");
    const std::string digest = digest_without_checksum(bytes_);
    if (digest != stated)
        refuse("the checksum is wrong: the file is damaged", "SHA-256 " + digest,
               in_quotes(stated));
}

void SafetensorsFile::copy_to(const std::string& name, BlockedView values,
                              TensorLayout layout) const {
    const Tensor& t = tensor(name);
    const std::vector<std::uint64_t> shape = shape_in_file(values, layout);
    if (t.dtype != "F32") refuse("dtype of tensor " + in_quotes(name), t.dtype, "F32");
    if (t.shape != shape || (layout == TensorLayout::vector && values.rows != 1))
        refuse("shape of tensor " + in_quotes(name), shape_text(t.shape), shape_text(shape));

    const std::byte* data = bytes_.data() + data_begin_ + t.begin;
    const auto at = [&](Index k) { return float_at(data + k * Index(sizeof(float))); };
    for (Index k = 0; k < values.rows * values.cols; ++k)
        if (!std::isfinite(at(k)))
            refuse("tensor " + in_quotes(name),
                   std::to_string(at(k)) + " at position " + std::to_string(k), "finite values");
    const bool transposed = layout == TensorLayout::transposed;
    for (Index i = 0; i < values.rows; ++i)
        for (Index j = 0; j < values.cols; ++j)
            values(i, j) = at(transposed ? j * values.rows + i : i * values.cols + j);
}

}  // namespace handgrad
