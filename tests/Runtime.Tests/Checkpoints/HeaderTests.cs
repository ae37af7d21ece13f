using Marrow.Checkpoints;
using Xunit;

namespace Marrow.Tests.Checkpoints;

public sealed class HeaderTests
{
    private const string Good = """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";

    [Theory]
    [InlineData(8, Good)]
    [InlineData(0, "{}")]
    [InlineData(0, """{"__metadata__":{"k":"v"}}   """)]
    [InlineData(
        3,
        """{"b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}"""
        + ""","a":{"dtype":"F64","shape":[0,5],"data_offsets":[0,0]}}""")]
    [InlineData(
        4,
        """{"b":{"data_offsets":[2,4],"shape":[],"dtype":"BF16"}"""
        + ""","a":{"dtype":"F16","shape":[1,1],"data_offsets":[0,2]}}""")]
    public void Open_ValidHeader_Loads(int dataLength, string header)
    {
        using var folder = new TemporaryFolder();
        using var file = SafetensorsFile.Open(Save(folder, SafetensorsBytes.Make(header, dataLength)));
        Assert.Equal(dataLength, file.Tensors.Values.Sum(tensor => tensor.ByteCount));
    }

    [Theory]
    [InlineData("does not start with '{'", " {}", 0)]
    [InlineData("does not start with '{'", "[]", 0)]
    [InlineData("does not start with '{'", "", 0)]
    [InlineData("not valid JSON", "{", 0)]
    [InlineData("not valid JSON", "{} {}", 0)]
    [InlineData("not valid JSON", "{}\0", 0)]
    [InlineData("not valid JSON", """{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},}""", 0)]
    [InlineData("not valid JSON", """{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,0]}}""", 0)]
    [InlineData("not valid Unicode", """{"\uD800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0)]
    [InlineData(
        "'a' appears twice",
        """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""",
        1)]
    [InlineData(
        "'a' appears twice",
        """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"""
        + ""","\u0061":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}""",
        1)]
    [InlineData("__metadata__ appears twice", """{"__metadata__":{},"__metadata__":{}}""", 0)]
    [InlineData("'k' is not a string", """{"__metadata__":{"k":1}}""", 0)]
    [InlineData("'k' appears twice", """{"__metadata__":{"k":"1","k":"2"}}""", 0)]
    [InlineData("__metadata__ is not an object", """{"__metadata__":null}""", 0)]
    [InlineData("'a' is not an object", """{"a":[]}""", 0)]
    [InlineData("lacks dtype, shape or data_offsets", """{"a":{"dtype":"U8","shape":[1]}}""", 1)]
    [InlineData("unknown field 'x'", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}""", 1)]
    [InlineData("field shape twice", """{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}""", 1)]
    [InlineData("'F8_E5M2', which is not supported", """{"a":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[0,1]}}""",
        1)]
    [InlineData("dtype is not a string", """{"a":{"dtype":4,"shape":[1],"data_offsets":[0,1]}}""", 1)]
    [InlineData("shape is not an array", """{"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}}""", 1)]
    [InlineData("shape holds something other", """{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}""", 1)]
    [InlineData("shape holds something other", """{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}""", 1)]
    [InlineData("shape holds something other", """{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}""", 1)]
    [InlineData("shape holds something other",
        """{"a":{"dtype":"U8","shape":[18446744073709551617],"data_offsets":[0,1]}}""", 1)]
    [InlineData("overflows", """{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}""", 0)]
    [InlineData("overflows", """{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0)]
    [InlineData("overflows", """{"a":{"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}""", 0)]
    [InlineData(
        "more than 64 entries",
        """{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"""
        + """1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}""",
        1)]
    [InlineData("data_offsets is not", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[1]}}""", 1)]
    [InlineData("data_offsets has more than 2", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}""", 1)]
    [InlineData("data_offsets is not", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}""", 1)]
    [InlineData("takes 4 bytes, data_offsets span 8", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}""", 8)]
    [InlineData("it is cut off", Good, 7)]
    [InlineData("it is cut off",
        """{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""", 7)]
    [InlineData("1 bytes follow the last tensor", Good, 9)]
    [InlineData("1 bytes follow the last tensor", "{}", 1)]
    [InlineData("gap before tensor 'a'", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2)]
    [InlineData(
        "overlaps",
        """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""",
        3)]
    [InlineData(
        "overlaps",
        """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""",
        2)]
    public void Open_InvalidHeader_SaysWhatAndWhere(string expected, string header, int dataLength)
    {
        var error = Rejected(SafetensorsBytes.Make(header, dataLength));
        Assert.Contains(expected, error.Message);
        Assert.Contains("file.safetensors: ", error.Message);
    }

    [Fact]
    public void Open_BytesThatAreNoText_SaysSo() =>
        Assert.Contains("not valid Unicode",
            Rejected(SafetensorsBytes.Make([.. "{\""u8, 0xff, .. "\":{}}"u8], 0)).Message);

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Open_ShorterThanItsPrefix_SaysSo(int length) =>
        Assert.Contains("too few for a header", Rejected(new byte[length]).Message);

    [Theory]
    [InlineData(3ul, "but the file has only")]
    [InlineData(100_000_001ul, "at most 100000000 are allowed")]
    [InlineData(ulong.MaxValue, "at most 100000000 are allowed")]
    public void Open_HeaderLongerThanFile_SaysSo(ulong claimed, string expected) =>
        Assert.Contains(expected, Rejected(SafetensorsBytes.Make("{}"u8.ToArray(), 0, claimed)).Message);

    [Theory]
    [InlineData("{ \"question\": \"What is 1 + 2?\" }")]
    [InlineData("From fairest creatures we desire increase")]
    public void Open_FileOfText_SaysThatItHasNoWeights(string text) =>
        Assert.Contains("no file of weights", Rejected(System.Text.Encoding.UTF8.GetBytes(text)).Message);

    [Theory]
    [InlineData("{\"a\":{\"dtype\":")]
    [InlineData("{\"a\":{\"shape\":")]
    [InlineData("{\"a\":")]
    public void Open_DeepNesting_IsRejected(string start) =>
        Rejected(SafetensorsBytes.Make(start + new string('[', 100_000), 0));

    [Fact]
    public void Open_MissingFile_SaysSo()
    {
        var error = Assert.Throws<CheckpointException>(() => SafetensorsFile.Open("/no/such/model.safetensors"));
        Assert.Equal("/no/such/model.safetensors: there is no such file; check the path.", error.Message);
    }

    [Fact]
    public void Open_Folder_SaysItCannotBeRead()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("cannot be read",
            Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(folder.Path)).Message);
    }

    [Fact]
    public void Open_HostileName_IsQuotedShortAndPrintable()
    {
        var name = "\\u001b[2J" + new string('x', 10_000);
        var message = Rejected(SafetensorsBytes.Make($$"""{"{{name}}":[]}""", 0)).Message;
        Assert.InRange(message.Length, 1, 500);
        Assert.DoesNotContain('\u001b', message);
    }

    private static CheckpointException Rejected(byte[] bytes)
    {
        using var folder = new TemporaryFolder();
        var path = Save(folder, bytes);
        return Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(path));
    }

    private static string Save(TemporaryFolder folder, byte[] bytes)
    {
        var path = folder.File("file.safetensors");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
