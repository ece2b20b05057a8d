// Trains every net of trained_states.hpp, or those of the numbers that are given, for 100 epochs
// and checks the gradients before the first and after each: none may be called wrong, and no tensor
// go unmeasured, but for zeros that are the truth. Prints a line for each net, with its worst
// errors as shares of their tolerances. Takes half an hour: tests/scripts/long runs it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "trained_states.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

constexpr Index kEpochs = 100, kElements = 64, kElementsOfDigits = 24;

bool run(std::size_t number) {
    const Net& net = kNets[number];
    Index states = 0, rows = 0, failed = 0, unmeasured = 0, tensors = 0;
    double worst_float = 0, worst_double = 0;
    const Index elements = net.images == "digits" ? kElementsOfDigits : kElements;
    check_states(net, kEpochs, 1, elements, [&](Index epoch, const GradientCheck& check) {
        ++states;
        rows += Index(check.rows.size());
        failed += check.failed();
        unmeasured += check.unmeasured();
        tensors += Index(check.unmeasured_tensors().size());
        for (const GradientRow& row : check.rows) {
            worst_float = std::max(worst_float, row.float_errors.worst / kFloatTolerance);
            worst_double = std::max(worst_double, row.double_errors.worst / kDoubleTolerance);
            if (!row.problem.empty() || (!row.unmeasured.empty() && !net.may_be_silent))
                std::printf("# %zu, epoch %td: %s %s: %s%s, float %.1e, double %.1e, %td kinks\n",
                            number, epoch, row.tensor.c_str(), row.path.c_str(),
                            row.problem.c_str(), row.unmeasured.c_str(), row.float_errors.worst,
                            row.double_errors.worst, row.kinks);
        }
    });
    const bool good = failed == 0 && (tensors == 0 || net.may_be_silent);
    std::printf(
        "%s - %zu, %s: %s: %td states, %td rows, %td failed, %td not measured, %td whole "
        "tensors; worst float %.3f, double %.2g of the tolerance\n",
        good ? "ok" : "not ok", number, net.images.c_str(), net.options.c_str(), states, rows,
        failed, unmeasured, tensors, worst_float, worst_double);
    std::fflush(stdout);
    return good;
}

}  // namespace

int main(int argc, char** argv) try {
    bool good = true;
    for (int i = 1; i < argc; ++i) good &= run(std::strtoul(argv[i], nullptr, 10));
    if (argc == 1)
        for (std::size_t number = 0; number < kNets.size(); ++number) good &= run(number);
    return good ? 0 : 1;
} catch (const std::exception& e) {
    std::fprintf(stderr, "gradient_alarms: %s\n", e.what());
    return 2;
}
