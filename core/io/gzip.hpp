// Reading gzip (RFC 1952) from memory with zlib, and believing none of it before it is checked.
#pragma once

#include <cstddef>
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
    // `path` is named in errors; `compressed` must outlive the stream and be below 4 GiB.
    // Throws std::bad_alloc.
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

    void check_nothing_follows() const;

    std::string path_;
    std::span<const std::byte> compressed_;
    std::unique_ptr<Zlib> zlib_;
    bool ended_ = false;
};

}  // namespace handgrad
