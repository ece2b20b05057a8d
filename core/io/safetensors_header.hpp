// The JSON header of a safetensors file, for safetensors.cpp alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "safetensors.hpp"

namespace handgrad::detail {

inline constexpr const char* kMetadataName = "__metadata__";
inline constexpr std::size_t kMaxDimensions = 64;   // NumPy's and PyTorch's limit
inline constexpr std::size_t kMaxEntries = 65'536;  // tensors, and as many metadata

// Text of a file for a message: short, in quotes, and without control characters.
inline std::string in_quotes(std::string_view text) {
    const bool is_short = text.size() <= 80;
    const std::string head =
        nlohmann::json(text.substr(0, 80))
            .dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
    return is_short ? head : head + "...";
}

// 0 for an unknown dtype.
inline std::uint64_t bytes_per_element(std::string_view dtype) {
    static const std::map<std::string_view, std::uint64_t> sizes = {
        {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"F8_E8M0", 1},
        {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},     {"U32", 4},
        {"F32", 4},  {"F64", 8}, {"I64", 8}, {"U64", 8},     {"C64", 8}};
    const auto size = sizes.find(dtype);
    return size == sizes.end() ? 0 : size->second;
}

// Takes the header piece by piece as the JSON parser meets it and refuses the first piece that does
// not belong. A finished JSON tree would have lost duplicate keys, and could be far larger than the
// file.
class SafetensorsHeaderReader final : public nlohmann::json_sax<nlohmann::json> {
  public:
    using Tensor = SafetensorsFile::Tensor;

    SafetensorsHeaderReader(const std::string& path, std::map<std::string, Tensor>& tensors,
                            Metadata& metadata)
        : path_(path), tensors_(tensors), metadata_(metadata) {}

    bool start_object(std::size_t) override {
        if (inside_ == Inside::file)
            inside_ = Inside::header;
        else if (inside_ == Inside::header)
            inside_ = name_ == kMetadataName ? Inside::metadata : Inside::tensor;
        else
            refuse_type("an object");
        return true;
    }

    bool key(std::string& key) override {
        if (inside_ == Inside::header)
            start_entry(key);
        else if (inside_ == Inside::metadata)
            start_metadata(key);
        else
            start_field(key);
        return true;
    }

    bool end_object() override {
        if (inside_ == Inside::tensor) finish_tensor();
        inside_ = inside_ == Inside::header ? Inside::file : Inside::header;
        return true;
    }

    bool start_array(std::size_t) override {
        if (inside_ != Inside::tensor || field_ == "dtype") refuse_type("an array");
        inside_ = field_ == "shape" ? Inside::shape : Inside::offsets;
        return true;
    }

    bool end_array() override {
        if (inside_ == Inside::offsets && offsets_.size() != 2)
            refuse("data_offsets of tensor " + in_quotes(name_),
                   std::to_string(offsets_.size()) + " numbers", "2: [begin, end]");
        inside_ = Inside::tensor;
        return true;
    }

    bool string(std::string& value) override {
        if (inside_ == Inside::metadata)
            metadata_[field_] = value;
        else if (inside_ == Inside::tensor && field_ == "dtype")
            set_dtype(value);
        else
            refuse_type("a string");
        return true;
    }

    bool number_unsigned(std::uint64_t value) override {
        if (inside_ == Inside::shape)
            tensor_.shape.push_back(value);
        else if (inside_ == Inside::offsets)
            offsets_.push_back(value);
        else
            refuse_type(std::to_string(value));
        if (tensor_.shape.size() > kMaxDimensions)
            refuse("shape of tensor " + in_quotes(name_), "more dimensions",
                   "at most " + std::to_string(kMaxDimensions));
        return true;
    }

    bool null() override { refuse_type("null"); }
    bool boolean(bool value) override { refuse_type(value ? "true" : "false"); }
    bool number_integer(std::int64_t value) override { refuse_type(std::to_string(value)); }
    // Every integer over 64 bits arrives here too.
    bool number_float(double, const std::string& text) override { refuse_type(text.substr(0, 80)); }
    bool binary(nlohmann::json::binary_t&) override { refuse_type("binary data"); }
    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::json::exception&) override {
        refuse("the header is not valid JSON in UTF-8",
               "an error at its byte " + std::to_string(position), "a JSON object");
    }

  private:
    enum class Inside { file, header, metadata, tensor, shape, offsets };

    [[noreturn]] void refuse(const std::string& what, const std::string& found,
                             const std::string& expected) const {
        throw Error(ErrorKind::input, path_, what, found, expected);
    }

    // A value of a type that has no place where it stands.
    [[noreturn]] void refuse_type(const std::string& found) const {
        const std::string of_tensor = " of tensor " + in_quotes(name_);
        switch (inside_) {
            case Inside::file:
                refuse("the header", found, "a JSON object");
            case Inside::header:
                refuse("the header's entry " + in_quotes(name_), found, "an object");
            case Inside::metadata:
                refuse("metadata " + in_quotes(field_), found, "a string");
            case Inside::tensor:
                refuse(field_ + of_tensor, found, field_ == "dtype" ? "a string" : "an array");
            case Inside::shape:
                refuse("shape" + of_tensor, found, "integers from 0 to 2^64 - 1");
            case Inside::offsets:
                refuse("data_offsets" + of_tensor, found, "integers from 0 to 2^64 - 1");
        }
        refuse("the header", found, "a JSON object");
    }

    void start_entry(const std::string& name) {
        const bool is_metadata = name == kMetadataName;
        if (is_metadata ? has_metadata_ : tensors_.contains(name))
            refuse("the header", in_quotes(name) + " twice", "every name once");
        if (!is_metadata && tensors_.size() == kMaxEntries)
            refuse("the header", "more tensors", "at most " + std::to_string(kMaxEntries));
        has_metadata_ = has_metadata_ || is_metadata;
        name_ = name;
        tensor_ = {};
        offsets_.clear();
        fields_.clear();
    }

    void start_metadata(const std::string& key) {
        if (metadata_.contains(key))
            refuse("the metadata", in_quotes(key) + " twice", "every key once");
        if (metadata_.size() == kMaxEntries)
            refuse("the metadata", "more keys", "at most " + std::to_string(kMaxEntries));
        field_ = key;
    }

    void start_field(const std::string& field) {
        if (field != "dtype" && field != "shape" && field != "data_offsets")
            refuse("tensor " + in_quotes(name_), "a field " + in_quotes(field),
                   "dtype, shape and data_offsets alone");
        if (!fields_.insert(field).second)
            refuse("tensor " + in_quotes(name_), field + " twice", "every field once");
        field_ = field;
    }

    void set_dtype(const std::string& dtype) {
        if (bytes_per_element(dtype) == 0)
            refuse("dtype of tensor " + in_quotes(name_), in_quotes(dtype),
                   "a type of the format, as F32");
        tensor_.dtype = dtype;
    }

    void finish_tensor() {
        for (const char* field : {"dtype", "shape", "data_offsets"})
            if (!fields_.contains(field))
                refuse("tensor " + in_quotes(name_), "no " + std::string(field), "one");
        tensor_.begin = offsets_[0];
        tensor_.end = offsets_[1];
        tensors_[name_] = std::move(tensor_);
    }

    const std::string& path_;
    std::map<std::string, Tensor>& tensors_;
    Metadata& metadata_;
    Inside inside_ = Inside::file;
    bool has_metadata_ = false;
    // The entry of the header, and in it the field or key, that is being read.
    std::string name_, field_;
    Tensor tensor_;
    std::vector<std::uint64_t> offsets_;
    std::set<std::string> fields_;
};

}  // namespace handgrad::detail
