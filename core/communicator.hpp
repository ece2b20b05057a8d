// Processes that train together: how many there are, and how they exchange bytes. A program that
// was started alone is one rank and exchanges nothing; with -Dmpi=enabled and mpirun it is one of
// several (communicator_mpi.cpp, the only place that knows MPI).
//
// Nothing here computes: MPI's own reductions may add up in any order.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

#include "export.hpp"

namespace handgrad {

// The ranks of a job, seen from one of them.
class HANDGRAD_API Communicator {
  public:
    virtual ~Communicator() = default;
    virtual int rank() const = 0;  // of this process, 0 to size() - 1
    virtual int size() const = 0;  // how many ranks there are

    // What goes to a rank, never this process's own.
    struct Outgoing {
        int rank;
        std::span<const std::byte> bytes;
    };
    // Where what comes from a rank is put, likewise.
    struct Incoming {
        int rank;
        std::span<std::byte> bytes;
    };
    // All ranks call it together. What one rank sends another arrives in the order in which it
    // stands here, and has to be as long as what is expected there.
    virtual void exchange(std::span<const Outgoing> out, std::span<const Incoming> in) = 0;

    // Copies the bytes of rank `root` to all others. All call it, with as many bytes.
    virtual void broadcast(std::span<std::byte> bytes, int root = 0) = 0;

    // Returns when all ranks have called it.
    virtual void barrier() = 0;

    // Before this process ends because something went wrong: it will not wait for the others,
    // which are ended, too, as soon as it is missed. With a status that is not 0 that is the job's.
    virtual void abandon() = 0;
};

// The communicator of a program that is alone.
HANDGRAD_API Communicator& one_rank();

// The ranks of the job that this process was started in; one_rank() in all but name if it was
// started alone. At most once; the job's processes wait for one another where it ends its life.
// Throws Error(argument) where a launcher started several processes of a build without MPI; with
// nothing but numbers of one in the environment such a build is alone, and MPI decides for the
// other.
HANDGRAD_API std::unique_ptr<Communicator> connect_ranks();

// The bytes of numbers, and of plain structures of them.
template <class T, std::size_t extent>
auto bytes_of(std::span<T, extent> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    if constexpr (std::is_const_v<T>)
        return std::span<const std::byte>(std::as_bytes(values));
    else
        return std::span<std::byte>(std::as_writable_bytes(values));
}
template <class T>
auto bytes_of(T& value) {
    return bytes_of(std::span<T, 1>(&value, 1));
}

// Whether any rank says so. All call it.
HANDGRAD_API bool any_rank(Communicator& ranks, bool flag);

// The number of this process among those that mpirun started, whatever the build; 0 without mpirun,
// also where only numbers of an mpirun are left over in the environment.
HANDGRAD_API int launched_rank();

namespace detail {
std::unique_ptr<Communicator> connect_mpi();  // null in a build without it
}  // namespace detail

}  // namespace handgrad
