using System.Buffers.Binary;
using System.Text;
using Marrow.Checkpoints;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Checkpoints;

/// <summary>
/// Damaged and hostile files: each loads as what it says, or is refused with a message; never anything else.
/// </summary>
public sealed class FuzzTests
{
    private const int Mutations = 2500;

    // What parsing may allocate beyond a multiple of the file: the map, the stream, the exception and its trace.
    private const long Slack = 400_000;

    private static readonly string[] HostileNumbers =
        ["-1", "0", "1", "7", "65536", "2147483648", "4294967295", "9223372036854775807", "9223372036854775808",
         "18446744073709551616", "1e9", "1.5", "1e400", "null", "[]", "\"1\"", "00", ""];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Open_MutatedFile_LoadsOrIsRefusedWithinBounds(int seed)
    {
        using var folder = new TemporaryFolder();
        var random = new Random(seed);
        var (good, path) = (MakeFile(folder), folder.File("fuzzed.safetensors"));
        int loaded = 0, refused = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var bytes = Mutate(good, random);
            File.WriteAllBytes(path, bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var file = SafetensorsFile.Open(path);
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 * bytes.Length + Slack);
                ReadAll(file);
                loaded++;
            }
            catch (CheckpointException error)
            {
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 * bytes.Length + Slack);
                Assert.StartsWith(path + ": ", error.Message);
                Assert.InRange(error.Message.Length, path.Length + 20, path.Length + 1000);
                refused++;
            }
        }
        // Damage to values is no damage to the file, so some load; most are refused.
        Assert.True(loaded > Mutations / 50 && refused > Mutations / 4, $"{loaded} loaded, {refused} refused");
    }

    [Theory]
    [InlineData(11, "")]
    [InlineData(12, "")]
    [InlineData(13, "zip2.pth")]
    [InlineData(14, "zip4.pth")]
    [InlineData(15, "legacy2.pth")]
    [InlineData(16, "legacy4.pth")]
    public void Open_MutatedTorchFile_LoadsOrIsRefusedWithinBounds(int seed, string made)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var random = new Random(seed);
        var good = made.Length > 0
            ? TorchBytes.Made(made)
            : TorchBytes.Make([("layers.0.weight", ones(4, 6)), ("layers.0.bias", ones(6, ScalarType.BFloat16)),
                ("turned", ones(3, 2).t()), ("steps", tensor(5L))]);
        var path = folder.File("fuzzed.pth");
        int loaded = 0, refused = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var bytes = random.Next(8) switch
            {
                0 => good[..random.Next(4, good.Length)],
                1 => [.. good, .. new byte[random.Next(1, 20)]],
                _ => FlipBytes(good, random, 4, good.Length),
            };
            File.WriteAllBytes(path, bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var file = CheckpointFile.Open(path);
                foreach (var (name, info) in file.Tensors)
                {
                    using var tensor = file.ReadTensor(name);
                    Assert.Equal(info.Shape, tensor.shape);
                }

                loaded++;
            }
            catch (CheckpointException error)
            {
                Assert.StartsWith(path + ": ", error.Message);
                Assert.InRange(error.Message.Length, path.Length + 20, path.Length + 1000);
                refused++;
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 * bytes.Length + Slack);
        }

        Assert.True(loaded > Mutations / 50 && refused > Mutations / 4, $"{loaded} loaded, {refused} refused");
    }

    [Fact]
    public void LoadAdapter_MutatedConfiguration_LoadsOrIsRefused()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var model = new Adapters.Lora(12, 8, true, 3, 6);
        model.SaveAdapter(folder.Path);
        var config = folder.File("adapter_config.json");
        var good = File.ReadAllBytes(config);
        var random = new Random(5);
        var refused = 0;
        for (var i = 0; i < 2000; i++)
        {
            File.WriteAllBytes(config, random.Next(4) == 0
                ? good[..random.Next(good.Length)]
                : FlipBytes(good, random, 0, good.Length));
            try
            {
                model.LoadAdapter(folder.Path);
            }
            catch (CheckpointException error)
            {
                Assert.StartsWith(config + ": ", error.Message);
                refused++;
            }
        }

        Assert.InRange(refused, 1000, 1999);
    }

    [Fact]
    public void Open_MutatedIndex_LoadsOrIsRefused()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        FolderUpdateTests.Write(folder.Path, Enumerable.Range(0, 5).Select(i => ($"t{i}", ones(i + 1))), 12);
        var index = folder.File("model.safetensors.index.json");
        var good = File.ReadAllBytes(index);
        var random = new Random(4);
        var refused = 0;
        for (var i = 0; i < 1500; i++)
        {
            File.WriteAllBytes(index, FlipBytes(good, random, 0, good.Length));
            try
            {
                CheckpointReader.Open(folder.Path).Dispose();
            }
            catch (CheckpointException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 750, 1500);
    }

    [Fact]
    public void Open_HeaderOfTenThousandTensors_AllocatesInProportion()
    {
        using var folder = new TemporaryFolder();
        var header = "{" + string.Join(",", Enumerable.Range(0, 10_000).Select(i => $$"""
            "{{i}}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}
            """)) + "}";
        File.WriteAllBytes(folder.File("x"), SafetensorsBytes.Make(header, 0));
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var file = SafetensorsFile.Open(folder.File("x"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 40L * header.Length);
        Assert.Equal(10_000, file.Tensors.Count);
    }

    private static void ReadAll(SafetensorsFile file)
    {
        foreach (var (name, info) in file.Tensors)
        {
            using var tensor = file.ReadTensor(name);
            Assert.Equal(info.Shape, tensor.shape);
            Assert.Equal(info.ByteCount, tensor.numel() * tensor.element_size());
        }
    }

    private static byte[] MakeFile(TemporaryFolder folder)
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(folder.File("good"),
            [("layers.0.weight", ones(4, 6)), ("layers.0.bias", ones(6, ScalarType.BFloat16)), ("steps", tensor(5L)),
             ("mask", ones(3, ScalarType.Bool)), ("empty", ones([0, 2], ScalarType.Float64))],
            new Dictionary<string, string> { ["format"] = "pt", ["note"] = "é" });
        return File.ReadAllBytes(folder.File("good"));
    }

    private static byte[] Mutate(byte[] good, Random random)
    {
        var header = (int)BinaryPrimitives.ReadInt64LittleEndian(good);
        switch (random.Next(7))
        {
            case 0: return FlipBytes(good, random, 8, 8 + header);
            case 1: return FlipBytes(good, random, 0, good.Length);
            case 2: return good[..random.Next(good.Length)];
            case 3: return [.. good, .. new byte[random.Next(1, 20)]];
            case 4:
                var claimed = (byte[])good.Clone();
                long[] lengths = [0, 1, header - 1, header + 1, good.Length, int.MaxValue, 1L << 32, long.MaxValue, -1,
                    random.NextInt64()];
                BinaryPrimitives.WriteInt64LittleEndian(claimed, lengths[random.Next(lengths.Length)]);
                return claimed;
            case 5: return WithHeader(good, header, ReplaceNumber(Encoding.UTF8.GetString(good, 8, header), random));
            default: return WithHeader(good, header, Splice(Encoding.UTF8.GetString(good, 8, header), random));
        }
    }

    private static byte[] FlipBytes(byte[] good, Random random, int from, int to)
    {
        var bytes = (byte[])good.Clone();
        for (var flips = random.Next(1, 4); flips > 0;
            flips--) bytes[random.Next(from, to)] ^= (byte)(1 << random.Next(8));
        return bytes;
    }

    private static string ReplaceNumber(string header, Random random)
    {
        var digits = Enumerable.Range(0, header.Length).Where(i => char.IsDigit(header[i])).ToArray();
        var at = digits[random.Next(digits.Length)];
        var end = at;
        while (char.IsDigit(header[end])) end++;
        return header[..at] + HostileNumbers[random.Next(HostileNumbers.Length)] + header[end..];
    }

    /// <summary>Copies a piece of the header to another place, or cuts it out.</summary>
    private static string Splice(string header, Random random)
    {
        var from = random.Next(header.Length);
        var piece = header.Substring(from, random.Next(Math.Min(80, header.Length - from)));
        return random.Next(2) == 0
            ? header.Remove(from, piece.Length)
            : header.Insert(random.Next(header.Length), piece);
    }

    private static byte[] WithHeader(byte[] good, int header, string replacement)
    {
        var bytes = Encoding.UTF8.GetBytes(replacement);
        return [.. BitConverter.GetBytes((long)bytes.Length), .. bytes, .. good.AsSpan(8 + header)];
    }
}
