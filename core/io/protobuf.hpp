// Protocol buffers, for writing alone: the bytes of a message, field by field. What the fields of a
// message are, and their numbers, says its .proto file; the caller knows it. The wire format:
// https://protobuf.dev/programming-guides/encoding
//
//   field     key value                  one after the other; the key is the varint of
//                                        (field number << 3) | wire type
//   varint    7 bits a byte, the low ones first; all bytes but the last have their highest bit set
//   types     0 varint (int32, int64, bool, enumerations), 1 eight bytes (double), 5 four bytes
//             (float), 2 a varint of the length and so many bytes (string, bytes, a message in it)
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../export.hpp"

namespace handgrad {

// No reader takes a longer message: lengths are int32.
inline constexpr std::uint64_t kMaxProtobufBytes = (std::uint64_t{1} << 31) - 1;

// Throws Error(argument) naming `where` for a message of more bytes than that.
HANDGRAD_API void check_protobuf_size(const std::string& where, std::uint64_t bytes);

// A message under construction.
class HANDGRAD_API ProtobufMessage {
  public:
    // Each appends one field; a repeated field is added once for every value. To get the bytes that
    // Google's implementation writes, add fields in the order of their numbers.
    void add_integer(int field, std::int64_t value);
    void add_float(int field, float value);
    void add_double(int field, double value);
    void add_bytes(int field, std::span<const std::byte> bytes);
    void add_text(int field, std::string_view text);  // UTF-8; not checked
    void add_message(int field, const ProtobufMessage& message);

    // All fields of another message of the same type.
    void append(const ProtobufMessage& message);

    // What was appended so far.
    const std::vector<std::byte>& bytes() const { return bytes_; }

  private:
    void add_varint(std::uint64_t value);
    void add_key(int field, int wire_type);

    std::vector<std::byte> bytes_;
};

}  // namespace handgrad
