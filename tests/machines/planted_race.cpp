// Two loops over the same threads, for the test of the race detector: with the argument "race" all
// threads add to one number unguarded; without it each has its own, and a barrier lies between writing
// and reading. A detector that does not know OpenMP's barriers reports the second one, too.
#include <cstdio>
#include <cstring>
#include <vector>

int main(int argc, char** argv) {
    const bool race = argc > 1 && std::strcmp(argv[1], "race") == 0;
    constexpr int kSteps = 1000;
    std::vector<int> own(kSteps, 0);
    int shared = 0;
    for (int repeat = 0; repeat < 10; ++repeat) {
#pragma omp parallel for
        for (int i = 0; i < kSteps; ++i) {
            own[static_cast<std::size_t>(i)] += i;
            if (race) shared += 1;
        }
#pragma omp parallel for
        for (int i = 0; i < kSteps; ++i)
            own[static_cast<std::size_t>(kSteps - 1 - i)] += 1;  // another thread's, a loop before
    }
    std::printf("%d %d\n", own[0], shared);
}
