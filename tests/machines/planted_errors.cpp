// One mistake of each kind, for the tests of the checkers: every argument makes the program go wrong
// in one way that a checker must report, and none makes it end well.
#include <climits>
#include <cstdio>
#include <cstring>
#include <vector>

int main(int argc, char** argv) {
    const char* const mistake = argc > 1 ? argv[1] : "";
    volatile int last = 8;  // not known to the compiler
    std::vector<int> numbers(8, INT_MAX);
    int* const data = numbers.data();
    if (std::strcmp(mistake, "overrun") == 0) data[last] = 1;
    if (std::strcmp(mistake, "leak") == 0) {
        int* volatile lost = new int[8];
        lost = nullptr;
        std::printf("%d\n", lost == nullptr);
    }
    if (std::strcmp(mistake, "overflow") == 0) std::printf("%d\n", data[0] + last);
    if (std::strcmp(mistake, "uninitialised") == 0) {
        int* const unset = new int[8];
        std::printf("%s\n", unset[last - 1] > 0 ? "yes" : "no");
        delete[] unset;
    }
}
