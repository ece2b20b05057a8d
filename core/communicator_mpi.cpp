// Several ranks, by means of MPI's C interface. An error in MPI ends the job, as is its default.
#define OMPI_SKIP_MPICXX 1  // Open MPI's old C++ interface, and MPICH's
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include <algorithm>
#include <vector>

#include "communicator.hpp"

namespace handgrad::detail {

namespace {

// MPI counts in int; longer messages go in pieces.
constexpr std::size_t kPiece = std::size_t{1} << 30;

template <class Bytes, class Send>
void send_in_pieces(Bytes bytes, Send&& send) {
    for (std::size_t first = 0; first < bytes.size(); first += kPiece) {
        const auto piece = bytes.subspan(first, std::min(kPiece, bytes.size() - first));
        send(piece.data(), static_cast<int>(piece.size()));
    }
}

class MpiRanks : public Communicator {
  public:
    MpiRanks() {
        // OpenMP's threads never call MPI.
        int granted = 0;
        MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &granted);
        MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
        MPI_Comm_size(MPI_COMM_WORLD, &size_);
    }
    ~MpiRanks() override {
        if (!abandoned_) MPI_Finalize();
    }

    int rank() const override { return rank_; }
    int size() const override { return size_; }

    void exchange(std::span<const Outgoing> out, std::span<const Incoming> in) override {
        requests_.clear();
        // Between two ranks MPI keeps the order of messages that have the same tag.
        constexpr int kTag = 0;
        for (const Incoming& message : in)
            send_in_pieces(message.bytes, [&](std::byte* data, int count) {
                MPI_Irecv(data, count, MPI_BYTE, message.rank, kTag, MPI_COMM_WORLD,
                          &requests_.emplace_back());
            });
        for (const Outgoing& message : out)
            send_in_pieces(message.bytes, [&](const std::byte* data, int count) {
                MPI_Isend(data, count, MPI_BYTE, message.rank, kTag, MPI_COMM_WORLD,
                          &requests_.emplace_back());
            });
        MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
    }

    void broadcast(std::span<std::byte> bytes, int root) override {
        send_in_pieces(bytes, [&](std::byte* data, int count) {
            MPI_Bcast(data, count, MPI_BYTE, root, MPI_COMM_WORLD);
        });
    }

    void barrier() override { MPI_Barrier(MPI_COMM_WORLD); }

    // MPI_Abort would do the same, but Open MPI 4.1's mpirun crashes of it now and then.
    void abandon() override { abandoned_ = true; }

  private:
    int rank_ = 0, size_ = 1;
    bool abandoned_ = false;
    std::vector<MPI_Request> requests_;
};

}  // namespace

std::unique_ptr<Communicator> connect_mpi() { return std::make_unique<MpiRanks>(); }

}  // namespace handgrad::detail
