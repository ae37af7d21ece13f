using System.Runtime.CompilerServices;
using Marrow.Checkpoints;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Checkpoints;

public sealed class AtomicityTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(70)]
    [InlineData(500_000)]
    public void Write_FullDisk_KeepsTheOldFileAndSaysSo(long capacity)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(folder.File("x"), [("t", ones(3))]);
        var before = File.ReadAllBytes(folder.File("x"));

        var error = Assert.Throws<CheckpointException>(() =>
            SafetensorsWriter.Write(
                folder.File("x"), [("a", zeros(100_000)), ("b", zeros(100_000))], null, FullDisk.After(capacity)));

        Assert.Contains("cannot be written (No space left on device)", error.Message);
        Assert.Equal([folder.File("x")], Directory.GetFiles(folder.Path));
        Assert.Equal(before, File.ReadAllBytes(folder.File("x")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(900)]
    public void WriteSharded_FullDisk_KeepsTheOldShards(long capacity)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        (string, Tensor)[] tensors = [("a", ones(100)), ("b", ones(100)), ("c", ones(100))];
        FolderUpdateTests.Write(folder.Path, tensors, 400);
        var before = Directory.GetFiles(folder.Path).Order().ToDictionary(file => file, File.ReadAllBytes);

        Assert.Throws<CheckpointException>(() => FolderUpdateTests.Write(folder.Path,
            tensors.Select(tensor => (tensor.Item1, tensor.Item2 * 2)), 400, FullDisk.After(capacity)));

        Assert.Equal(before.Keys, Directory.GetFiles(folder.Path).Order());
        foreach (var (file, content) in before) Assert.Equal(content, File.ReadAllBytes(file));
    }

    [Fact]
    public void Write_ToADevice_WritesThereAndLeavesIt()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no devices among its files.");
        AtomicFile.WriteText("/dev/null", "text");
        Assert.Equal("", File.ReadAllText("/dev/null"));
        Assert.Empty(Directory.GetFiles("/dev", "null.*.tmp"));
    }

    [Fact]
    public void Write_RemovesWhatAKilledProcessLeft_AndNothingElse()
    {
        using var folder = new TemporaryFolder();
        var (left, young) = (folder.File($"x.{Guid.NewGuid():N}.tmp"), folder.File($"x.{Guid.NewGuid():N}.tmp"));
        string[] others =
            [young, folder.File("x.tmp"), folder.File("x.old.tmp"), folder.File($"y.{Guid.NewGuid():N}.tmp")];
        foreach (var file in others.Prepend(left))
        {
            File.WriteAllText(file, "");
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow - TimeSpan.FromHours(file == young ? 0 : 2));
        }

        AtomicFile.WriteText(folder.File("x"), "text");
        Assert.Equal(others.Append(folder.File("x")).Order(), Directory.GetFiles(folder.Path).Order());
    }

    [Fact]
    public void PointerOfGitLfs_IsNamed()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in new[] { "model.safetensors", "pytorch_model.bin", "model.gguf" })
        {
            File.WriteAllText(
                folder.File(name), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n");
            Assert.Contains(
                $"{name}: it is a pointer of Git LFS, not the file itself; fetch the file with 'git lfs pull'.",
                Assert.Throws<CheckpointException>(() => CheckpointFile.Open(folder.File(name))).Message);
        }
    }

    [Fact]
    public void Write_FolderThatDoesNotExist_SaysSo()
    {
        using var folder = new TemporaryFolder();
        using var value = ones(1);
        var error = Assert.Throws<CheckpointException>(() =>
            SafetensorsWriter.Write(folder.File("no/x"), [("t", value)]));
        Assert.Contains("cannot be written", error.Message);
    }

    [Fact]
    public void Write_OverAFileThatIsMapped_LeavesTheMappedOneReadable()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not replace a mapped file");
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(folder.File("x"), [("t", ones(3))]);
        using var open = SafetensorsFile.Open(folder.File("x"));
        SafetensorsWriter.Write(folder.File("x"), [("t", zeros(3))]);
        using var reopened = SafetensorsFile.Open(folder.File("x"));
        Assert.Equal((3f, 0f),
            (open.ReadTensor("t").sum().item<float>(), reopened.ReadTensor("t").sum().item<float>()));
    }

    [Fact]
    public void AtomicFile_ExceptionWhileWriting_KeepsTheOldText()
    {
        using var folder = new TemporaryFolder();
        AtomicFile.WriteText(folder.File("x"), "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(folder.File("x"), stream =>
        {
            stream.Write("new"u8);
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(folder.File("x")));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void AtomicFile_OfALink_ReplacesWhatItLeadsTo()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("far"));
        File.CreateSymbolicLink(folder.File("x"), folder.File("far/y"));
        AtomicFile.WriteText(folder.File("x"), "first");
        AtomicFile.WriteText(folder.File("x"), "second");
        Assert.Equal("second", File.ReadAllText(folder.File("far/y")));
        Assert.Equal(folder.File("far/y"), new FileInfo(folder.File("x")).LinkTarget);
        Assert.Single(Directory.GetFiles(folder.File("far")));
    }

    /// <summary>
    /// A file whose disk is full after some bytes, counted over all files opened through one instance.
    /// </summary>
    internal sealed class FullDisk(string path, StrongBox<long> left) : FileStream(path, FileMode.CreateNew)
    {
        public static Func<string, Stream> After(long bytes)
        {
            var left = new StrongBox<long>(bytes);
            return path => new FullDisk(path, left);
        }

        // A class derived from FileStream gets every write here.
        public override void Write(byte[] buffer, int offset, int count)
        {
            if ((left.Value -= count) < 0) throw new IOException("No space left on device");
            base.Write(buffer, offset, count);
        }
    }
}
