// Ranks that are threads of the test, for what runs on several processes.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "../../core/communicator.hpp"
#include "../../core/isa.hpp"
#include "../../core/parallel.hpp"

namespace handgrad::test {

// Calls body(ranks) on `size` threads, each with a communicator of its own. Rethrows the exception
// of the lowest rank that has one, when all have ended: a body that throws alone lets others wait
// forever.
class ThreadRanks {
  public:
    static void run(int size, const std::function<void(Communicator&)>& body) {
        // Found out at their first use, which is not for several threads at once.
        active_isa();
        thread_count();
        ThreadRanks job(size);
        std::vector<std::exception_ptr> errors(std::size_t(size), nullptr);
        std::vector<std::thread> threads;
        for (int rank = 0; rank < size; ++rank)
            threads.emplace_back([&, rank] {
                Member member(job, rank);
                try {
                    body(member);
                } catch (...) {
                    errors[std::size_t(rank)] = std::current_exception();
                }
            });
        for (std::thread& thread : threads) thread.join();
        for (const std::exception_ptr& error : errors)
            if (error) std::rethrow_exception(error);
    }

  private:
    using Message = std::vector<std::byte>;

    explicit ThreadRanks(int size) : size_(size) {}

    void send(int from, int to, std::span<const std::byte> bytes) {
        const std::lock_guard lock(mutex_);
        mail_[{from, to}].emplace_back(bytes.begin(), bytes.end());
        arrived_.notify_all();
    }
    Message receive(int from, int to) {
        std::unique_lock lock(mutex_);
        std::deque<Message>& box = mail_[{from, to}];
        arrived_.wait(lock, [&] { return !box.empty(); });
        Message message = std::move(box.front());
        box.pop_front();
        return message;
    }

    class Member : public Communicator {
      public:
        Member(ThreadRanks& job, int rank) : job_(job), rank_(rank) {}
        int rank() const override { return rank_; }
        int size() const override { return job_.size_; }
        void exchange(std::span<const Outgoing> out, std::span<const Incoming> in) override {
            for (const Outgoing& message : out) job_.send(rank_, message.rank, message.bytes);
            for (const Incoming& message : in) receive(message.rank, message.bytes);
        }
        void broadcast(std::span<std::byte> bytes, int root) override {
            if (rank_ != root) return receive(root, bytes);
            for (int rank = 0; rank < size(); ++rank)
                if (rank != rank_) job_.send(rank_, rank, bytes);
        }
        void barrier() override { any_rank(*this, false); }
        void abandon() override { throw std::logic_error("a test abandons its job"); }

      private:
        void receive(int from, std::span<std::byte> bytes) {
            const Message message = job_.receive(from, rank_);
            if (message.size() != bytes.size())
                throw std::logic_error("a message is not as long as expected");
            std::copy(message.begin(), message.end(), bytes.begin());
        }
        ThreadRanks& job_;
        int rank_;
    };

    int size_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::map<std::pair<int, int>, std::deque<Message>> mail_;
};

}  // namespace handgrad::test
