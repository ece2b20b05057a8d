#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

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

constexpr const char* kTitle =
    "epoch,step,loss,recon,kl,val_loss,val_recon,val_kl,lr,seconds,images_per_s,active_units,"
    "clamped_logvars\n";
constexpr const char* kLatentsTitle =
    "epoch,latent,kl,mu_mean,mu_variance,active,posterior_mean,posterior_variance\n";

}  // namespace

TEST_CASE("log: the header once, a row an epoch, there as soon as it is appended") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "log.csv";
    LogCsv log(path, path + "2", 2, 0);
    log.begin();
    CHECK(read(path) == kTitle);
    log.append(row(1));
    CHECK(read(path) ==
          std::string(kTitle) +
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
    CHECK(read(path + "2") == std::string(kLatentsTitle) +
                                  "1,0,1.5,0.5,0.75,1,0.5,0.875\n1,1,0,0,0.01,0,0,1.01\n"
                                  "2,0,1.5,0.5,0.75,1,0.5,0.875\n2,1,0,0,0.01,0,0,1.01\n");
}

TEST_CASE("log: resuming drops the rows that the checkpoint does not know, a torn one too") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "log.csv";
    {
        LogCsv log(path, path + "2", 2, 0);
        log.begin();
        for (Index epoch = 1; epoch <= 4; ++epoch) log.append(row(epoch));
    }
    std::ofstream(path, std::ios::app) << "5,2345,150.1";  // the process died here
    LogCsv log(path, path + "2", 2, 3);
    log.begin();
    CHECK(read_log(path).size() == 3);
    CHECK(read(path + "2").find("\n3,1,") != std::string::npos);
    CHECK(read(path + "2").find("\n4,") == std::string::npos);
    log.append(row(4));
    CHECK(read_log(path).back().epoch == 4);
    LogCsv again(path, path + "2", 2, 0);
    again.begin();
    CHECK(read_log(path).empty());
}

TEST_CASE("log: what is no log is refused with its line, and left as it is") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "log.csv";
    for (const char* text : {"", "epoch,loss\n1,2\n", "something\n"}) {
        std::ofstream(path) << text;
        CHECK_THROWS_WITH_AS(LogCsv(path, path + "2", 2, 1), doctest::Contains("line 1"), Error);
        CHECK(read(path) == text);
    }
    std::ofstream(path) << kTitle << "1,469,x,145,5,1,1,0,0.001,0.5,63000,1,17\n";
    CHECK_THROWS_WITH_AS(read_log(path), doctest::Contains("line 2"), Error);
}

TEST_CASE("log: rows that LogCsv could not have written are refused, with their line") {
    const std::string good = "1,469,150.5,145,5.5,1,1,0,0.001,0.5,63000,1,17\n";
    CHECK(parse_log(kTitle + good, "log.csv").size() == 1);
    // Of a log that was lost, and gone on with.
    CHECK(parse_log(std::string(kTitle) + "3,9,-1,-1,0,1,1,0,0,0,0,0,0\n" +
                        "7,13,1,1,0,1,1,0,1,0,0,4096,9000000000\n",
                    "log.csv")
              .back()
              .step == 13);
    const auto refused = [](const std::string& rows, const std::string& line) {
        CAPTURE(rows);
        CHECK_THROWS_WITH_AS(parse_log(kTitle + rows, "log.csv"),
                             doctest::Contains(("log.csv, line " + line + ":").c_str()), Error);
    };
    // Each number of the row as something that it cannot be.
    for (std::size_t column = 0; column < 13; ++column)
        for (const char* value : {"nan", "-nan", "inf", "-inf", "1e999", "", " 1", "1 ", "x"}) {
            std::vector<std::string> fields(13, "1");
            fields[column] = value;
            std::string row;
            for (const std::string& field : fields) row += (row.empty() ? "" : ",") + field;
            refused(row + "\n", "2");
            refused(good + row + "\n", "3");
        }
    for (const char* row :
         {"0,469,1,1,1,1,1,0,1,1,1,1,1", "-1,469,1,1,1,1,1,0,1,1,1,1,1",
          "1000000001,2000000000,1,1,1,1,1,0,1,1,1,1,1", "1,0,1,1,1,1,1,0,1,1,1,1,1",
          "1,-5,1,1,1,1,1,0,1,1,1,1,1", "1,1,1,1,1,1,1,0,-0.1,1,1,1,1",
          "1,1,1,1,1,1,1,0,1,-1,1,1,1", "1,1,1,1,1,1,1,0,1,1,-1,1,1", "1,1,1,1,1,1,1,0,1,1,1,-1,1",
          "1,1,1,1,1,1,1,0,1,1,1,4097,1", "1,1,1,1,1,1,1,0,1,1,1,1,-1",
          "1.5,1,1,1,1,1,1,0,1,1,1,1,1", "9223372036854775808,1,1,1,1,1,1,0,1,1,1,1,1",
          "1,1,1,1,1,1,1,0,1,1,1,1,1\r", ""})
        refused(std::string(row) + "\n", "2");
    for (const char* row : {"1,938,1,1,1,1,1,0,1,1,1,1,1", "2,469,1,1,1,1,1,0,1,1,1,1,1",
                            "2,400,1,1,1,1,1,0,1,1,1,1,1", "4,471,1,1,1,1,1,0,1,1,1,1,1"})
        refused(good + row + "\n", "3");
}

TEST_CASE("log: latents.csv, too, is refused with its line, before anything is rewritten") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "latents.csv", log = folder.path() / "log.csv";
    for (const char* row : {"", "1", "nonsense", "1,0,1,1,1,1,1", "1,0,1,1,1,1,1,1,1",
                            "-1,0,1,1,1,1,1,1", "x,0,1,1,1,1,1,1"}) {
        CAPTURE(row);
        const std::string text = std::string(kLatentsTitle) + "2,0,1,1,1,1,1,1\n" + row + "\n";
        std::ofstream(path) << text;
        CHECK_THROWS_WITH_AS(LogCsv(log, path, 1, 5), doctest::Contains("latents.csv, line 3"),
                             Error);
        CHECK(read(path) == text);
    }
    // Each number as something that it cannot be, in epochs that go on and in one that will go.
    for (const char* row :
         {"1,0,1,1,1,1,1,1", "2,0,1,1,1,1,1,1", "3,1,1,1,1,1,1,1", "3,-1,1,1,1,1,1,1",
          "3,0,nan,1,1,1,1,1", "3,0,1,inf,1,1,1,1", "3,0,1,1,x,1,1,1", "3,0,1,1,1,2,1,1",
          "3,0,1,1,1,1,1,1e999", "9,0,1,1,1,1,,1", "1000000001,0,1,1,1,1,1,1"}) {
        CAPTURE(row);
        std::ofstream(path) << kLatentsTitle << "2,0,1,1,1,1,1,1\n" << row << "\n";
        CHECK_THROWS_WITH_AS(LogCsv(log, path, 1, 5), doctest::Contains("latents.csv, line 3"),
                             Error);
    }
    // With two latents an epoch has two rows; what is cut off at the end goes.
    const std::string one = std::string(kLatentsTitle) + "1,0,1,1,1,1,1,1\n1,1,1,1,1,1,1,1\n";
    std::ofstream(path) << one << "2,0,1,1,1,1,1,1\n";
    {
        LogCsv cut(log, path, 2, 5);
        cut.begin();
    }
    CHECK(read(path) == one);
    std::ofstream(path) << one << "2,0,1,1,1,1,1,1\n3,0,1,1,1,1,1,1\n";
    CHECK_THROWS_WITH_AS(LogCsv(log, path, 2, 5), doctest::Contains("latents.csv, line 5"), Error);
}

TEST_CASE("csv: a file that another program has written again is told by its encoding") {
    const auto refused = [](std::string_view text, const char* found) {
        CHECK_THROWS_WITH_AS(for_each_csv_row_of(text, "x.csv", "a,b", {}),
                             doctest::Contains(found), Error);
    };
    refused(
        "\xEF\xBB\xBF"
        "a,b\n",
        "line 1: changed by another program: found a byte order mark");
    refused(std::string_view("\xFF\xFE"
                             "a\0,\0b\0\n\0",
                             10),
            "found a UTF-16 text");
    refused(std::string_view("a\0,\0b\0\n\0", 8), "found a UTF-16 text");
}

TEST_CASE("csv: reading stops at the first row that is refused") {
    const std::string text = "a,b\n1,2\n3,4\n5,6\n7";
    std::string seen;
    for_each_csv_row_of(text, "x.csv", "a,b", [&](std::string_view row, Index line) {
        seen += std::to_string(line) + ":" + std::string(row) + " ";
    });
    CHECK(seen == "2:1,2 3:3,4 4:5,6 ");
    int calls = 0;
    CHECK_THROWS(for_each_csv_row_of(text, "x.csv", "a,b", [&](std::string_view, Index) {
        ++calls;
        throw Error(ErrorKind::input, "x.csv", "bad");
    }));
    CHECK(calls == 1);
    // Neither the header nor a row, finished or not, is longer than any that is written.
    const std::string endless(kMaxCsvRowBytes + 1, '1');
    const auto ignore = [](std::string_view, Index) {};
    CHECK_THROWS_WITH_AS(for_each_csv_row_of(endless, "x.csv", "a,b", ignore),
                         doctest::Contains("line 1: the line is too long"), Error);
    for (const char* end : {"", "\n"})
        CHECK_THROWS_WITH_AS(
            for_each_csv_row_of("a,b\n1\n" + endless + end, "x.csv", "a,b", ignore),
            doctest::Contains("line 3: the line is too long"), Error);
}

TEST_CASE("log: a place that cannot be written is an output error") {
    try {
        LogCsv log("/proc/no/log.csv", "/proc/no/latents.csv", 2, 0);
        log.begin();
        FAIL("accepted");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::output);
    }
}

TEST_CASE("log: nothing changes before it begins, and rows from before are not lost") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "log.csv";
    std::ofstream(path) << "mine";
    {
        LogCsv log(path, path + "2", 2, 0);
        log.append(row(1));
        CHECK(read(path) == "mine");
        log.begin();
        CHECK(read_log(path).size() == 1);
        log.append(row(2));
        CHECK(read_log(path).size() == 2);
        std::filesystem::rename(path, path + "3");
        log.moved_to(path + "3", path + "2");
        log.append(row(3));
        CHECK(read_log(path + "3").size() == 3);
    }
    std::ofstream(path) << "mine";
    LogCsv(path, path + "2", 2, 0).append(row(1));
    CHECK(read(path) == "mine");
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 3);
}

TEST_CASE("log: a file that went away begins anew, and a second name of it keeps its content") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "log.csv", copy = folder.path() / "copy";
    LogCsv log(path, path + "2", 2, 0);
    log.begin();
    log.append(row(1));
    std::filesystem::create_hard_link(path, copy);
    log.append(row(2));
    CHECK(read_log(path).size() == 2);
    CHECK(read_log(copy).size() == 1);
    std::filesystem::remove(path);
    log.append(row(3));
    REQUIRE(read_log(path).size() == 1);
    CHECK(read_log(path)[0].epoch == 3);
    std::filesystem::remove(path);
    std::filesystem::create_symlink("copy", path);
    CHECK_THROWS_AS(log.append(row(4)), Error);
    CHECK(read_log(copy).size() == 1);
}
