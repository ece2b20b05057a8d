#include "gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <string_view>
#include <utility>

#include "../error.hpp"

namespace handgrad {

bool is_gzip(std::span<const std::byte> bytes) {
    return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

struct GunzipStream::Zlib {
    z_stream stream{};
    ~Zlib() { inflateEnd(&stream); }
};

GunzipStream::GunzipStream(std::string path, std::uint64_t size, Source source)
    : path_(std::move(path)),
      size_(size),
      source_(std::move(source)),
      zlib_(std::make_unique<Zlib>()) {
    // 15: the largest window; + 16: gzip and nothing else.
    if (inflateInit2(&zlib_->stream, 15 + 16) != Z_OK) throw std::bad_alloc();
}

GunzipStream::GunzipStream(std::string path, std::span<const std::byte> compressed)
    : GunzipStream(std::move(path), compressed.size(), [rest = compressed]() mutable {
          // Less than a uInt of zlib's can count.
          const auto next = rest.first(std::min<std::size_t>(rest.size(), std::size_t{1} << 30));
          rest = rest.subspan(next.size());
          return next;
      }) {}

GunzipStream::~GunzipStream() = default;

// What zlib says in `message` about data it cannot go on with, as an Error.
static Error damage(const std::string& path, const char* message) {
    const std::string_view said = message ? message : "invalid data";
    if (said == "incorrect data check")
        return Error(ErrorKind::input, path, "damaged gzip file: its CRC-32 is wrong");
    if (said == "incorrect length check")
        return Error(ErrorKind::input, path, "damaged gzip file: its length field is wrong");
    return Error(ErrorKind::input, path, "damaged gzip file", std::string(said),
                 "valid deflate data");
}

// Hands zlib, which has used up what it had, the next bytes of the input. False at its end.
bool GunzipStream::refill() {
    const std::span<const std::byte> next = source_();
    // zlib takes a pointer to non-const but reads only.
    zlib_->stream.next_in =
        const_cast<Bytef*>(reinterpret_cast<const Bytef*>(static_cast<const void*>(next.data())));
    zlib_->stream.avail_in = static_cast<uInt>(next.size());
    given_ += next.size();
    return !next.empty();
}

std::size_t GunzipStream::read(std::span<std::byte> out) {
    z_stream& stream = zlib_->stream;
    std::size_t done = 0;
    while (done < out.size() && !ended_) {
        const uInt room = static_cast<uInt>(
            std::min<std::size_t>(out.size() - done, std::numeric_limits<uInt>::max()));
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
        stream.avail_out = room;
        const int status = inflate(&stream, Z_NO_FLUSH);
        done += room - stream.avail_out;
        if (status == Z_MEM_ERROR) throw std::bad_alloc();
        if (status == Z_STREAM_END) {
            check_nothing_follows();
            ended_ = true;
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            throw damage(path_, stream.msg);
        } else if (stream.avail_in == 0 && stream.avail_out > 0 && !refill()) {
            throw Error(ErrorKind::input, path_, "truncated gzip file",
                        "an end after " + std::to_string(given_) + " bytes",
                        "the rest of the compressed data");
        }
    }
    return done;
}

void GunzipStream::check_nothing_follows() {
    z_stream& stream = zlib_->stream;
    const std::uint64_t end = given_ - stream.avail_in;
    std::array<std::byte, 2> next{};
    std::size_t count = 0;
    for (; count < next.size() && (stream.avail_in > 0 || refill()); ++count) {
        next[count] = static_cast<std::byte>(*stream.next_in++);
        --stream.avail_in;
    }
    if (count == 0) return;
    if (is_gzip(std::span(next).first(count)))
        throw Error(ErrorKind::input, path_, "a second gzip member follows the first",
                    "one at byte " + std::to_string(end), "one member");
    throw Error(ErrorKind::input, path_, "garbage after the gzip member",
                std::to_string(size_ - end) + " more bytes", "the end of the file");
}

}  // namespace handgrad
