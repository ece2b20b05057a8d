#include "protobuf.hpp"

#include "../error.hpp"
#include "little_endian.hpp"

namespace handgrad {

namespace {

constexpr int kVarint = 0, kEightBytes = 1, kLengthAndBytes = 2, kFourBytes = 5;

}  // namespace

void check_protobuf_size(const std::string& where, std::uint64_t bytes) {
    if (bytes > kMaxProtobufBytes)
        throw Error(ErrorKind::argument, where, "too large for a protocol buffers message",
                    std::to_string(bytes) + " bytes",
                    "at most " + std::to_string(kMaxProtobufBytes));
}

void ProtobufMessage::add_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        bytes_.push_back(static_cast<std::byte>((value & 0x7f) | 0x80));
    bytes_.push_back(static_cast<std::byte>(value));
}

void ProtobufMessage::add_key(int field, int wire_type) {
    add_varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire_type));
}

void ProtobufMessage::add_integer(int field, std::int64_t value) {
    add_key(field, kVarint);
    add_varint(static_cast<std::uint64_t>(value));
}

void ProtobufMessage::add_float(int field, float value) {
    add_key(field, kFourBytes);
    detail::append_little_endian(bytes_, value);
}

void ProtobufMessage::add_double(int field, double value) {
    add_key(field, kEightBytes);
    detail::append_little_endian(bytes_, value);
}

void ProtobufMessage::add_bytes(int field, std::span<const std::byte> bytes) {
    add_key(field, kLengthAndBytes);
    add_varint(bytes.size());
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void ProtobufMessage::add_text(int field, std::string_view text) {
    add_bytes(field, std::as_bytes(std::span(text)));
}

void ProtobufMessage::add_message(int field, const ProtobufMessage& message) {
    add_bytes(field, message.bytes_);
}

void ProtobufMessage::append(const ProtobufMessage& message) {
    bytes_.insert(bytes_.end(), message.bytes_.begin(), message.bytes_.end());
}

}  // namespace handgrad
