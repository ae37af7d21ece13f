using Marrow.Checkpoints;
using Marrow.Tests.Adapters;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Checkpoints;

/// <summary>Saving replaces Marrow's own files, all or none, and nothing else.</summary>
public sealed class FolderUpdateTests
{
    private const string Journal = ".marrow-save.json";

    /// <summary>Writes weights as a model's are written.</summary>
    internal static void Write(
        string directory,
        IEnumerable<(string Name, Tensor Value)> tensors,
        long maxShardBytes,
        Func<string, Stream>? open = null) =>
        FolderUpdate.Write(directory, open ?? AtomicFile.OpenNew, folder => SafetensorsWriter.WriteSharded(
            folder, directory, tensors.Select(tensor => PendingTensor.Of(tensor.Name, tensor.Value)), maxShardBytes));

    [Theory]
    [InlineData("adapter")]
    [InlineData("model")]
    public void Save_IntoAFolderThatHoldsOtherThings_KeepsThem(string what)
    {
        using var folder = new TemporaryFolder();
        string[] others = ["Program.cs", ".git/HEAD", "state.safetensors", "checkpoint-100/state", "tokenizer.json",
            "adapter_model.bin", "model.bin"];
        foreach (var name in others)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.File(name))!);
            File.WriteAllText(folder.File(name), name);
        }

        using var model = new TrainingClassifier();
        Save(what, model, folder.Path);
        Save(what, model, folder.Path + Path.DirectorySeparatorChar);
        Assert.All(others, name => Assert.Equal(name, File.ReadAllText(folder.File(name))));
        Load(what, model, folder.Path);
        Assert.Equal(
            others.Length + (what == "adapter" ? 2 : 1),
            Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Length);
    }

    [Theory]
    [InlineData("adapter", "adapter_model.safetensors")]
    [InlineData("adapter", "adapter_config.json")]
    [InlineData("model", "model.safetensors")]
    public void AFolderInTheWayOfAFile_IsNamed_AndNothingChanges(string what, string name)
    {
        using var folder = new TemporaryFolder();
        using var model = new TrainingClassifier();
        Save(what, model, folder.Path);
        File.Delete(folder.File(name));
        Directory.CreateDirectory(folder.File(name));
        var before = Directory.GetFiles(folder.Path).ToDictionary(file => file, File.ReadAllBytes);
        var error = Assert.Throws<CheckpointException>(() => Save(what, model, folder.Path));
        Assert.Contains($"a folder has the name '{name}'", error.Message);
        Assert.Equal(before, Directory.GetFiles(folder.Path).ToDictionary(file => file, File.ReadAllBytes));

        Directory.Delete(folder.File(name));
        Save(what, model, folder.Path);
        Load(what, model, folder.Path);
    }

    [Fact]
    public void Save_IntoTheWorkingFolder_Works()
    {
        using var folder = new TemporaryFolder();
        using var model = new TrainingClassifier();
        var before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = folder.Path;
        try
        {
            model.SaveAdapter(".");
            model.LoadAdapter(".");
            Assert.True(File.Exists("adapter_config.json"));
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }
    }

    [Fact]
    public void Save_IntoALinkedFolder_LeavesTheLink()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("disk"));
        Directory.CreateSymbolicLink(folder.File("link"), folder.File("disk"));
        using var model = new TrainingClassifier();
        model.SaveAdapter(folder.File("link"));
        Assert.Equal(folder.File("disk"), new DirectoryInfo(folder.File("link")).LinkTarget);
        Assert.True(File.Exists(folder.File("disk/adapter_config.json")));
    }

    [Fact]
    public void Save_OverAFileThatIsALink_ReplacesWhereItLeads()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        Directory.CreateDirectory(folder.File("disk"));
        Directory.CreateDirectory(folder.File("model"));
        File.WriteAllText(folder.File("disk/weights"), "old");
        File.CreateSymbolicLink(folder.File("model/model.safetensors"), folder.File("disk/weights"));
        Write(folder.File("model"), [("a", ones(3))], 1000);
        Assert.NotNull(new FileInfo(folder.File("model/model.safetensors")).LinkTarget);
        using var file = CheckpointFile.Open(folder.File("disk/weights"));
        Assert.Equal(["a"], file.Tensors.Keys);
        Assert.Single(Directory.GetFiles(folder.File("disk")));
    }

    [Fact]
    public void Save_BelowAFolderThatCannotBeWritten_Works()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("rights are others there");
            return;
        }

        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("parent/run"));
        File.SetUnixFileMode(folder.File("parent"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            using var model = new TrainingClassifier();
            model.SaveAdapter(folder.File("parent/run"));
            model.SaveAdapter(folder.File("parent/run"));
            model.LoadAdapter(folder.File("parent/run"));
        }
        finally
        {
            File.SetUnixFileMode(
                folder.File("parent"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Fact]
    public void RequireWritable_SaysBeforehandWhatCannotBeWritten()
    {
        using var folder = new TemporaryFolder();
        OutputFolder.RequireWritable(folder.File("new/run"));
        Assert.Empty(Directory.GetFileSystemEntries(folder.File("new/run")));
        File.WriteAllText(folder.File("file"), "");
        var error = Assert.Throws<CheckpointException>(() => OutputFolder.RequireWritable(folder.File("file")));
        Assert.Contains("cannot be written", error.Message);
        Assert.Throws<CheckpointException>(() => OutputFolder.RequireWritable(folder.File("file/below")));
    }

    [Fact]
    public void Killed_BeforeTheJournal_TheFolderHoldsTheOldSet()
    {
        using var folder = new TemporaryFolder();
        using var moments = new TemporaryFolder();
        using var scope = NewDisposeScope();
        Write(folder.Path, [("a", ones(4)), ("b", ones(4)), ("old", ones(4))], 16);
        var count = 0;
        Write(folder.Path, [("a", zeros(4)), ("b", zeros(4)), ("new", zeros(4))], 16, path =>
        {
            // What a process leaves that is killed before it opens this file: shards, index, journal.
            Copy(folder.Path, moments.File($"{count++}"));
            return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite);
        });
        Assert.Equal(5, count);
        for (var moment = 0; moment < count; moment++)
        {
            AssertHolds(moments.File($"{moment}"), 1, ["a", "b", "old"]);
        }

        AssertHolds(folder.Path, 0, ["a", "b", "new"]);
    }

    [Theory]
    [InlineData("model-00001-of-00003.safetensors")]
    [InlineData("model-00003-of-00003.safetensors")]
    [InlineData("model.safetensors.index.json")]
    public void Interrupted_AfterTheJournal_TheFolderHoldsTheNewSet(string obstacle)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        Write(folder.Path, [("a", ones(4)), ("old", ones(4))], 16);

        // Nothing can be renamed to the name of a folder, so the renames stop there.
        var error = Assert.Throws<CheckpointException>(() => Write(
            folder.Path,
            [("a", zeros(4)), ("b", zeros(4)), ("new", zeros(4))],
            16,
            path =>
            {
                if (Path.GetFileName(path).StartsWith(Journal, StringComparison.Ordinal))
                {
                    File.Delete(folder.File(obstacle));
                    Directory.CreateDirectory(folder.File(obstacle));
                }

                return AtomicFile.OpenNew(path);
            }));
        Assert.Contains("was interrupted while files were put in place", error.Message);

        Directory.Delete(folder.File(obstacle));
        AssertHolds(folder.Path, 0, ["a", "b", "new"]);
        Assert.Equal(4, Directory.GetFiles(folder.Path).Length);
    }

    [Fact]
    public void TemporaryFilesOfAKilledProcess_GoWithALaterSave()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        File.WriteAllText(folder.File("model.safetensors.0.marrow-tmp"), "");
        File.WriteAllText(folder.File("model.safetensors.1.marrow-tmp"), "");
        File.SetLastWriteTimeUtc(folder.File("model.safetensors.0.marrow-tmp"), DateTime.UtcNow.AddDays(-1));
        Write(folder.Path, [("a", zeros(4))], 16);
        Assert.Equal(
            ["model.safetensors", "model.safetensors.1.marrow-tmp"],
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"renamed":{"a":"../b"},"removed":[]}""")]
    [InlineData("""{"renamed":{"/etc/passwd":"b"},"removed":[]}""")]
    [InlineData("""{"renamed":{},"removed":["../b"]}""")]
    [InlineData("""{"renamed":{"a":1},"removed":[]}""")]
    public void HostileJournal_IsRefused(string journal)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        Write(folder.File("m"), [("a", ones(4))], 16);
        File.WriteAllText(folder.File("b"), "mine");
        File.WriteAllText(folder.File("m/" + Journal), journal);
        var error = Assert.Throws<CheckpointException>(() => OutputFolder.Complete(folder.File("m")));
        Assert.Contains("no journal of an interrupted save", error.Message);
        Assert.Equal("mine", File.ReadAllText(folder.File("b")));
    }

    private static void AssertHolds(string directory, float value, string[] names)
    {
        OutputFolder.Complete(directory);
        using var reader = CheckpointReader.Open(directory);
        Assert.Equal(names, reader.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.All(names, name => Assert.Equal(value, reader.ReadTensor(name).max().item<float>()));
        Assert.False(File.Exists(Path.Combine(directory, Journal)));
    }

    private static void Copy(string directory, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(directory))
        {
            using var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var target = File.Create(Path.Combine(to, Path.GetFileName(file)));
            source.CopyTo(target);
        }
    }

    private static void Save(string what, IModel model, string directory)
    {
        if (what == "adapter")
        {
            model.SaveAdapter(directory);
        }
        else
        {
            model.SavePretrained(directory);
        }
    }

    private static void Load(string what, IModel model, string directory)
    {
        if (what == "adapter")
        {
            model.LoadAdapter(directory);
        }
        else
        {
            model.LoadPretrained(directory);
        }
    }
}
