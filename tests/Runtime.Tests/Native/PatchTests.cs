using System.Runtime.InteropServices;
using Marrow.Native;
using Xunit;

namespace Marrow.Tests.Native;

public sealed class PatchTests
{
    private static readonly string? Original = AppContext.GetData("Marrow.LibTorchSharp") is string folder
        ? Path.Combine(folder, "libLibTorchSharp.so") : null;

    [Fact]
    public void Apply_TorchSharpLibrary_ChangesOneByteToWeak()
    {
        var original = ReadOriginal();
        var patched = (byte[])original.Clone();

        WeakVersionPatch.Apply(patched);

        var changed = Enumerable.Range(0, original.Length).Where(i => original[i] != patched[i]).ToArray();
        var flags = new ElfImage(original).FindVersionNeed(LibStdCpp.Library, LibStdCpp.Version).Flags;
        Assert.Equal([flags], changed);
        Assert.Equal((0, 2), (original[flags], patched[flags]));
    }

    [Fact]
    public void Apply_PatchedLibrary_ChangesNothing()
    {
        var once = ReadOriginal();
        WeakVersionPatch.Apply(once);
        var twice = (byte[])once.Clone();
        WeakVersionPatch.Apply(twice);
        Assert.Equal(once, twice);
    }

    [Fact]
    public void UndefinedSymbols_TorchSharpLibrary_AreTheOneUnusedMarker()
    {
        var image = new ElfImage(ReadOriginal());
        var symbols = image.UndefinedSymbols(image.FindVersionNeed(LibStdCpp.Library, LibStdCpp.Version).Index);
        Assert.Equal([(LibStdCpp.Symbol, false)], symbols);
        // The same reading tells symbols that are called.
        var memcpy = image.UndefinedSymbols(image.FindVersionNeed("libc.so.6", "GLIBC_2.14").Index);
        Assert.Contains(("memcpy", true), memcpy);
    }

    [Fact]
    public void OtherLibTorch_ThatLacksFunctions_IsRefusedByName()
    {
        var location = new LibTorchLocation("/torch/lib", "/sharp", "use another.");
        LibTorchSymbols.Require(ReadOriginal(), _ => true, location);
        var fault = Assert.Throws<NativeLoadException>(() => LibTorchSymbols.Require(
            ReadOriginal(), name => !name.Contains("infer_size", StringComparison.Ordinal), location));
        Assert.Contains("/torch/lib holds a libtorch that TorchSharp cannot use", fault.Message);
        Assert.Matches(
            @"it lacks 1 of the 1\d\d\d functions that TorchSharp calls: _ZN2at10infer_size\w+\n", fault.Message);
    }

    [Fact]
    public void Apply_TruncatedLibrary_SaysItIsDamaged()
    {
        var original = ReadOriginal();
        foreach (var length in (int[])[0, 3, 63, 64, 200, 0x16760, 0x3f8f0, original.Length / 3])
            Assert.Throws<InvalidDataException>(() => WeakVersionPatch.Apply(original.AsSpan(0, length)));
    }

    [Fact]
    public void Apply_LibraryThatUsesTheSymbol_Refuses()
    {
        var library = ReadOriginal();
        var image = new ElfImage(library);
        var marker = image.FindVersionNeed(LibStdCpp.Library, LibStdCpp.Version);
        var used = image.FindVersionNeed("libc.so.6", "GLIBC_2.14");
        // Give the requirement the index that memcpy carries, as if memcpy came from it.
        BitConverter.GetBytes((ushort)used.Index).CopyTo(library, marker.Flags + 2);
        var error = Assert.Throws<InvalidDataException>(() => WeakVersionPatch.Apply(library));
        Assert.Contains("memcpy", error.Message);
    }

    [Fact]
    public void Apply_OtherLibrary_SaysItHasNoSuchRequirement()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs an ELF library of the system");
        var runtime = File.ReadAllBytes(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libSystem.Native.so"));
        Assert.Throws<InvalidDataException>(() => WeakVersionPatch.Apply(runtime));
    }

    [Fact]
    public void TryStore_DamagedCopy_IsWrittenAnew()
    {
        using var folder = new TemporaryFolder();
        byte[] content = [1, 2, 3];
        var path = UserCache.TryStore(folder.Path, "key", content)!;
        File.WriteAllBytes(path, [1, 2]);

        Assert.Equal(path, UserCache.TryStore(folder.Path, "key", content));
        Assert.Equal(content, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void TryStore_IntactCopy_IsNotTouched()
    {
        using var folder = new TemporaryFolder();
        var path = UserCache.TryStore(folder.Path, "key", [1, 2, 3])!;
        var written = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, written);
        UserCache.TryStore(folder.Path, "key", [1, 2, 3]);
        Assert.Equal(written, File.GetLastWriteTimeUtc(path));
    }

    [Fact]
    public void TryStore_ManyAtOnce_AllSeeTheWholeFile()
    {
        using var folder = new TemporaryFolder();
        var content = new byte[1 << 20];
        new Random(1).NextBytes(content);
        var torn = 0;
        var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < 5; i++)
            {
                var path = UserCache.TryStore(folder.Path, "key", content);
                if (path is null || !File.ReadAllBytes(path).AsSpan().SequenceEqual(content))
                    Interlocked.Increment(ref torn);
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();

        Assert.Equal(0, torn);
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void TryStore_FolderThatCannotBeMade_GivesNull()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("file"), "");
        Assert.Null(UserCache.TryStore(folder.File("file"), "key", [1]));
    }

    private static byte[] ReadOriginal()
    {
        Assert.SkipUnless(File.Exists(Original), "the Linux library is not beside this platform's package");
        return File.ReadAllBytes(Original!);
    }
}
