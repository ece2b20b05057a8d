// Reading gzip (RFC 1952) with zlib, and believing none of it before it is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "../export.hpp"

namespace handgrad {

// True if the bytes begin with gzip's magic number, 1F 8B.
HANDGRAD_API bool is_gzip(std::span<const std::byte> bytes);

// A forward read of one gzip member that fills its whole input. zlib's own gzread is not used: it
// passes other files through unread, joins members and forgives what follows the last one.
//
// The memory needed is a constant, whatever the input claims or unpacks to.
class HANDGRAD_API GunzipStream {
  public:
    // The next bytes of the input, at most 1 GiB of them, which stay where they are until the next
    // call; none at its end.
    using Source = std::function<std::span<const std::byte>()>;

    // `path` is named in errors; the input has `size` bytes. Throws std::bad_alloc.
    GunzipStream(std::string path, std::uint64_t size, Source source);
    // From memory, which must outlive the stream.
    GunzipStream(std::string path, std::span<const std::byte> compressed);
    ~GunzipStream();
    GunzipStream(const GunzipStream&) = delete;
    GunzipStream& operator=(const GunzipStream&) = delete;

    // Unpacks the next bytes into `out` and returns how many there were: fewer than out.size() only
    // at the end of the member, and by then its CRC-32 and length have been found to agree and
    // nothing to follow it. Who asks for exactly the bytes there are has not seen the end yet.
    // Throws Error(input) for damaged data, a wrong CRC-32 or length, a member cut short, a second
    // member, and other bytes behind the first.
    std::size_t read(std::span<std::byte> out);

  private:
    struct Zlib;

    bool refill();
    void check_nothing_follows();

    std::string path_;
    std::uint64_t size_, given_ = 0;  // given_: to zlib, which may not have used all of it yet
    Source source_;
    std::unique_ptr<Zlib> zlib_;
    bool ended_ = false;
};

}  // namespace handgrad
