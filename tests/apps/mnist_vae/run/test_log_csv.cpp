#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "../../../../apps/mnist_vae/run/log_csv.hpp"
#include "../../../../core/error.hpp"
#include "../../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using handgrad::test::TemporaryDirectory;

namespace {

EpochMetrics row(Index epoch) {
    return {.epoch = epoch,
            .step = 469 * epoch,
            .loss = 150.123456789,
            .recon = 145,
            .kl = 5.125,
            .val_loss = 1.0 / 3,
            .val_recon = 1e-7,
            .val_kl = 0,
            .lr = 0.001,
            .seconds = 0.5,
            .images_per_second = 63000,
            .latents = {{.kl = 1.5, .mu_mean = 0.5, .mu_variance = 0.75, .mean_variance = 0.125},
                        {.kl = 0, .mu_mean = 0, .mu_variance = 0.01, .mean_variance = 1}},
            .active_units = 1,
            .clamped_logvars = 17};
}

std::string read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

constexpr const char* kHeader =
    "epoch,step,loss,recon,kl,val_loss,val_recon,val_kl,lr,seconds,images_per_s,active_units,"
    "clamped_logvars\n";
constexpr const char* kLatentsHeader =
    "epoch,latent,kl,mu_mean,mu_variance,active,posterior_mean,posterior_variance\n";

}  // namespace

TEST_CASE("log: the header once, a row an epoch, there as soon as it is appended") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "log.csv";
    LogCsv log(path, path + "2", 0);
    CHECK(read(path) == kHeader);
    log.append(row(1));
    CHECK(read(path) ==
          std::string(kHeader) +
              "1,469,150.123457,145,5.125,0.333333333,1e-07,0,0.001,0.5,63000,1,17\n");
    log.append(row(2));
    const auto rows = read_log(path);
    REQUIRE(rows.size() == 2);
    CHECK(rows[1].epoch == 2);
    CHECK(rows[1].step == 938);
    CHECK(rows[1].kl == 5.125);
    CHECK(rows[1].images_per_second == 63000);
    CHECK(rows[1].active_units == 1);
    CHECK(rows[1].clamped_logvars == 17);
    CHECK(read(path + "2") == std::string(kLatentsHeader) +
                                  "1,0,1.5,0.5,0.75,1,0.5,0.875\n1,1,0,0,0.01,0,0,1.01\n"
                                  "2,0,1.5,0.5,0.75,1,0.5,0.875\n2,1,0,0,0.01,0,0,1.01\n");
}

TEST_CASE("log: resuming drops the rows that the checkpoint does not know, a torn one too") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "log.csv";
    {
        LogCsv log(path, path + "2", 0);
        for (Index epoch = 1; epoch <= 4; ++epoch) log.append(row(epoch));
    }
    std::ofstream(path, std::ios::app) << "5,2345,150.1";  // the process died here
    LogCsv log(path, path + "2", 3);
    CHECK(read_log(path).size() == 3);
    CHECK(read(path + "2").find("\n3,1,") != std::string::npos);
    CHECK(read(path + "2").find("\n4,") == std::string::npos);
    log.append(row(4));
    CHECK(read_log(path).back().epoch == 4);
    LogCsv again(path, path + "2", 0);
    CHECK(read_log(path).empty());
}

TEST_CASE("log: what is no log is refused with its line, and left as it is") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "log.csv";
    for (const char* text : {"", "epoch,loss\n1,2\n", "something\n"}) {
        std::ofstream(path) << text;
        CHECK_THROWS_WITH_AS(LogCsv(path, path + "2", 1), doctest::Contains("line 1"), Error);
        CHECK(read(path) == text);
    }
    std::ofstream(path) << kHeader << "1,469,x,145,5,1,1,0,0.001,0.5,63000,1,17\n";
    CHECK_THROWS_WITH_AS(read_log(path), doctest::Contains("line 2"), Error);
}

TEST_CASE("log: a place that cannot be written is an output error") {
    try {
        LogCsv log("/proc/no/log.csv", "/proc/no/latents.csv", 0);
        FAIL("accepted");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::output);
    }
}
