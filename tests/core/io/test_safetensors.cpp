#include "../../../core/io/safetensors.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <set>
#include <string_view>

#include "../../../core/error.hpp"
#include "../../../core/io/sha256.hpp"
#include "safetensors_bytes.hpp"

using namespace handgrad;
using namespace handgrad::test::safetensors;

namespace {

// The message of the Error(input) that reading throws, without the name of the file.
std::string refusal(Bytes bytes, bool require_checksum = false) {
    try {
        const SafetensorsFile file(std::move(bytes), "x");
        if (require_checksum) file.require_checksum();
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::input);
        CHECK(error.where() == "x");
        return std::string(error.what()).substr(3);
    }
    return "accepted";
}

using Shape = std::vector<std::uint64_t>;

// Element (i, j) is 10 i + j + 0.5; what is between the rows is NaN.
Matrix sample(Index rows, Index cols) {
    Matrix m(rows, cols);
    for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < m.ld(); ++j) m.row(i)[j] = std::nanf("");
        for (Index j = 0; j < cols; ++j) m(i, j) = static_cast<float>(10 * i + j) + 0.5f;
    }
    return m;
}

// A small file with everything that a checkpoint has.
Bytes small_file() {
    const Matrix weight = sample(3, 2), bias = sample(1, 2);
    return serialize_safetensors(
        {{"mu.weight", weight, TensorLayout::transposed}, {"mu.bias", bias, TensorLayout::vector}},
        {{"epoch", "7"}, {"seed", "1"}});
}

}  // namespace

TEST_CASE("every defect of a safetensors file is refused with its own message") {
    std::set<std::string> messages;
    std::size_t count = 0;
    for (const auto& files : {bad_frames(), bad_entries(), bad_tensors()})
        for (const BadFile& bad : files) {
            const std::string message = refusal(bad.bytes);
            CAPTURE(bad.defect);
            CAPTURE(message);
            CHECK(message.starts_with(bad.message));
            messages.insert(message);
            ++count;
        }
    CHECK(messages.size() == count);
}

TEST_CASE("every safetensors file of the format's rules is accepted") {
    CHECK(refusal(file_of(kHeader, 32)) == "accepted");
    CHECK(refusal(file_of("{}", 0)) == "accepted");
    CHECK(refusal(file_of(R"({"__metadata__":{}})", 0)) == "accepted");
    CHECK(refusal(with_metadata(R"({"":"","k":"\u00e9\n"})")) == "accepted");

    SUBCASE("spaces at the end of the header, and none to a multiple of 8") {
        for (std::size_t n = 0; n < 16; ++n)
            CHECK(refusal(file_of(kHeader + std::string(n, ' '), 32)) == "accepted");
    }
    SUBCASE("entries and fields in any order") {
        const SafetensorsFile file(
            file_of(R"({"b":{"shape":[2],"data_offsets":[24,32],"dtype":"F32"},)"
                    R"("__metadata__":{"k":"v"},)"
                    R"("a":{"data_offsets":[0,24],"dtype":"F32","shape":[2,3]}})",
                    32),
            "x");
        CHECK(file.tensor("b").begin == 24);
        CHECK(file.tensor("a").shape == Shape{2, 3});
        CHECK(file.metadata("k") == "v");
    }
    SUBCASE("a scalar, and tensors without elements wherever they stand") {
        const SafetensorsFile file(
            file_of(R"({"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                    R"("none":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
                    R"("last":{"dtype":"F64","shape":[3,0,2],"data_offsets":[4,4]}})",
                    4),
            "x");
        CHECK(file.tensors().size() == 3);
        CHECK(file.tensor("scalar").shape.empty());
        CHECK(file.tensor("last").shape == Shape{3, 0, 2});
    }
    SUBCASE("types that this library does not read") {
        CHECK(refusal(file_of(R"({"a":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]}})", 6)) ==
              "accepted");
    }
    SUBCASE("64 dimensions") { CHECK(refusal(changed("[2,3]", shape_of_six(64))) == "accepted"); }
}

TEST_CASE("a header of nothing but brackets is refused at its first one") {
    std::string header = "{\"a\":" + std::string(10'000'000, '[');
    CHECK(refusal(file_of(header, 0)).starts_with("the header's entry \"a\": found an array"));
}

TEST_CASE("a header holds no more tensors and metadata than anybody has") {
    const auto list = [](int count, const char* entry) {
        std::string text;
        for (int i = 0; i < count; ++i)
            text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":" + entry;
        return text;
    };
    const char* empty = R"({"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
    const auto metadata = [&](int count) {
        return "{\"__metadata__\":{" + list(count, "\"\"") + "}}";
    };
    CHECK(SafetensorsFile(file_of(metadata(65'536), 0), "f").metadata().size() == 65'536);
    CHECK(SafetensorsFile(file_of("{" + list(65'536, empty) + "}", 0), "f").tensors().size() ==
          65'536);
    CHECK_THROWS_WITH_AS(SafetensorsFile(file_of(metadata(65'537), 0), "f"),
                         "f: the metadata: found more keys, expected at most 65536", Error);
    CHECK_THROWS_WITH_AS(SafetensorsFile(file_of("{" + list(65'537, empty) + "}", 0), "f"),
                         "f: the header: found more tensors, expected at most 65536", Error);
}

TEST_CASE("a value of the wrong type is refused wherever it stands") {
    const std::pair<std::string, std::string> places[] = {
        {"\"F32\"", "dtype of tensor \"a\""},     {"[2,3]", "shape of tensor \"a\""},
        {"2,3", "shape of tensor \"a\""},         {"[0,24]", "data_offsets of tensor \"a\""},
        {"0,24", "data_offsets of tensor \"a\""},
    };
    for (const auto& place : places) {
        CAPTURE(place.first);
        for (const char* value : {"null", "true", "false", "-1", "2.5"}) {
            CAPTURE(value);
            const std::string message = refusal(changed(place.first, value));
            CHECK(message.starts_with(place.second + ": found " + value));
        }
        CHECK(refusal(changed(place.first, "{}")).starts_with(place.second));
    }
    for (const char* value : {"null", "true", "false", "-1", "2.5"}) {
        CAPTURE(value);
        const std::string found = std::string(": found ") + value;
        CHECK(refusal(with_metadata(value)).starts_with("the header"));
        CHECK(refusal(with_metadata("{\"k\":" + std::string(value) + "}"))
                  .starts_with("metadata \"k\"" + found));
        CHECK(refusal(changed("}}", "},\"c\":" + std::string(value) + "}"))
                  .starts_with("the header's entry \"c\"" + found));
    }
}

TEST_CASE("what a hostile file says does not reach the terminal raw or at length") {
    const std::string name = "\\u001b[2J\\n" + std::string(100'000, 'n');
    const std::string message = refusal(changed("\"a\":", "\"" + name + "\":1,\"a\":"));
    CHECK(message.size() < 200);
    CHECK(message.find('\033') == message.npos);
    CHECK(message.find('\n') == message.npos);
}

TEST_CASE("a written file is byte for byte what the format's description says") {
    const std::string header =
        R"({"__metadata__":{"sha256":")"
        "0000000000000000000000000000000000000000000000000000000000000000"
        R"(","epoch":"7","seed":"1"},)"
        R"("mu.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
        R"("mu.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[8,32]}})";
    // mu.bias, then mu.weight by columns of the matrix in memory.
    const float data[] = {0.5f, 1.5f, 0.5f, 10.5f, 20.5f, 1.5f, 11.5f, 21.5f};
    Bytes expected = file_of(header + std::string((8 - header.size() % 8) % 8, ' '), 32);
    std::memcpy(expected.data() + expected.size() - 32, data, 32);
    const std::string digest = sha256_hex(expected);
    const std::size_t place = 8 + header.find("00000000");
    std::memcpy(expected.data() + place, digest.data(), 64);
    CHECK(small_file() == expected);
}

TEST_CASE("tensors are sorted by name, and metadata survive whatever they hold") {
    const Matrix one = sample(1, 1);
    const Metadata metadata = {{"a\"sha256", std::string(64, '0')},
                               {"b", "\"sha256\":\"" + std::string(64, '0')},
                               {"unicode", "\xc3\xa9\n\t\\"}};
    const SafetensorsFile file(
        serialize_safetensors({{"z", one}, {"a", one}, {"m", one}}, metadata), "x");
    file.require_checksum();
    CHECK(file.tensor("a").begin == 0);
    CHECK(file.tensor("m").begin == 4);
    CHECK(file.tensor("z").begin == 8);
    for (const auto& [key, value] : metadata) CHECK(file.metadata(key) == value);
    CHECK(file.metadata().size() == metadata.size() + 1);
    // Metadata that were read are written again with a checksum of their own.
    const SafetensorsFile again(serialize_safetensors({}, file.metadata()), "x");
    again.require_checksum();
    CHECK(again.metadata("sha256") != file.metadata("sha256"));
}

TEST_CASE("matrices come back as they were, through every layout, and padding stays untouched") {
    const TensorLayout layouts[] = {TensorLayout::as_is, TensorLayout::transposed,
                                    TensorLayout::vector};
    for (const TensorLayout layout : layouts)
        for (const Index rows : {0, 1, 3, 17})
            for (const Index cols : {0, 1, 2, 16, 33}) {
                if (layout == TensorLayout::vector && rows != 1) continue;
                const Matrix written = sample(rows, cols);
                const SafetensorsFile file(serialize_safetensors({{"t", written, layout}}, {}),
                                           "x");
                Matrix read(rows, cols);
                for (Index i = 0; i < rows; ++i)
                    for (Index j = 0; j < read.ld(); ++j) read.row(i)[j] = -1;
                file.copy_to("t", read, layout);
                for (Index i = 0; i < rows; ++i)
                    for (Index j = 0; j < read.ld(); ++j)
                        CHECK(read.row(i)[j] == (j < cols ? written(i, j) : -1));
            }
}

TEST_CASE("copy_to takes the tensor, shape and type it was asked for and no other") {
    const SafetensorsFile file(
        file_of(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                R"("b":{"dtype":"F32","shape":[2],"data_offsets":[24,32]},)"
                R"("h":{"dtype":"I32","shape":[2],"data_offsets":[32,40]}})",
                40),
        "x");
    const auto refused = [&](const char* name, Index rows, Index cols, TensorLayout layout) {
        Matrix m(rows, cols);
        try {
            file.copy_to(name, m, layout);
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::input);
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    CHECK(refused("a", 2, 3, TensorLayout::as_is) == "accepted");
    CHECK(refused("a", 3, 2, TensorLayout::transposed) == "accepted");
    CHECK(refused("b", 1, 2, TensorLayout::vector) == "accepted");
    CHECK(refused("a", 3, 2, TensorLayout::as_is) ==
          "x: shape of tensor \"a\": found [2,3], expected [3,2]");
    CHECK(refused("b", 1, 2, TensorLayout::as_is) ==
          "x: shape of tensor \"b\": found [2], expected [1,2]");
    CHECK(refused("b", 2, 2, TensorLayout::vector) != "accepted");
    CHECK(refused("h", 1, 2, TensorLayout::vector) ==
          "x: dtype of tensor \"h\": found I32, expected F32");
    CHECK(refused("c", 1, 2, TensorLayout::vector) ==
          "x: tensor \"c\": found none, expected one of that name");
    CHECK_THROWS_AS(file.metadata("k"), Error);
}

TEST_CASE("copy_to refuses a value that is not finite, and has written nothing then") {
    for (const float bad : {std::nanf(""), INFINITY, -INFINITY})
        for (const Index place : {0, 3, 5}) {
            Matrix m = sample(2, 3);
            m(place / 3, place % 3) = bad;
            const SafetensorsFile file(serialize_safetensors({{"t", m}}, {}), "x");
            Matrix out(2, 3);
            CHECK_THROWS_WITH_AS(file.copy_to("t", out, TensorLayout::as_is),
                                 doctest::Contains("tensor \"t\""), Error);
            for (Index k = 0; k < 6; ++k) CHECK(out(k / 3, k % 3) == 0);
        }
}

TEST_CASE("serialize_safetensors refuses what no file could hold") {
    const Matrix m = sample(2, 2);
    const auto refused = [](std::vector<TensorToWrite> tensors, Metadata metadata = {}) {
        try {
            serialize_safetensors(std::move(tensors), std::move(metadata));
        } catch (const Error& error) {
            return error.kind() == ErrorKind::argument;
        }
        return false;
    };
    CHECK_FALSE(refused({{"a", m}, {"b", m}}));
    CHECK(refused({{"a", m}, {"b", m}, {"a", m}}));
    CHECK(refused({{"__metadata__", m}}));
    CHECK(refused({{"a", m, TensorLayout::vector}}));
    CHECK(refused({{"\xff", m}}));
    CHECK(refused({}, {{"key", "\xff"}}));
}

TEST_CASE("require_checksum tells a file without a checksum from one with a wrong one") {
    CHECK(refusal(small_file(), true) == "accepted");
    CHECK(refusal(file_of(kHeader, 32), true) ==
          "metadata \"sha256\": found none, expected a value");
    CHECK_FALSE(SafetensorsFile(file_of(kHeader, 32), "x").has_checksum());
    CHECK(SafetensorsFile(small_file(), "x").has_checksum());

    Bytes damaged = small_file();
    damaged.back() ^= std::byte{1};
    CHECK(refusal(damaged, true).starts_with("the checksum is wrong: the file is damaged"));
    // A right digest in another place, or a value of another length, is not what we wrote.
    for (const char* metadata :
         {R"({"k":"v","sha256":"0"})", R"({"sha256":""})", R"({"sha256":"0"})"})
        CHECK(
            refusal(with_metadata(metadata), true).starts_with("the checksum is not in its place"));
}

TEST_CASE("a file with a checksum is refused at every other length") {
    const Bytes whole = small_file();
    for (std::size_t length = 0; length < whole.size(); ++length)
        CHECK(refusal({whole.begin(), whole.begin() + std::ptrdiff_t(length)}, true) != "accepted");
    Bytes longer = whole;
    longer.push_back({});
    CHECK(refusal(longer, true) != "accepted");
}

TEST_CASE("a file with a checksum is refused with any bit flipped and any byte changed") {
    const Bytes whole = small_file();
    for (std::size_t place = 0; place < whole.size(); ++place)
        for (int change = 1; change < 256; ++change) {
            Bytes damaged = whole;
            damaged[place] ^= static_cast<std::byte>(change);
            const bool refused = refusal(std::move(damaged), true) != "accepted";
            if (!refused) FAIL_CHECK("byte " << place << " changed by " << change);
        }
}
