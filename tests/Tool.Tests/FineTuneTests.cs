using Marrow.Tests.Tool.Harness;
using Xunit;

namespace Marrow.Tests.Tool;

/// <summary>Fine-tuning, measuring, merging, exporting and talking, as one does them one after another.</summary>
public sealed class FineTuneTests(TinyBases bases) : IClassFixture<TinyBases>, IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("llama3_1", "lora")]
    [InlineData("qwen3", "bone")]
    public void Checkpoint_GoesThroughAllVerbs(string family, string method)
    {
        var (model, data) = (bases.Of(family), Problems(40));
        string[] run = ["finetune", "--model", model, "--data", data, "--out", folder.File("run")];
        string[] small = ["--steps", "4", "--batch", "2", "--learning-rate", "0.01"];
        var size = method == "bone" ? "--block-size" : "--rank";
        var result = Call.Json([.. run, .. small, "--method", method, size, "4", "--merge", "--solve", "2"]);
        Assert.Equal(4, result.GetProperty("losses").GetArrayLength());
        Assert.True(result.GetProperty("heldOutLoss").GetDouble() > 0);
        var report = File.ReadAllText(folder.File("run/report.html"));
        Assert.Contains("Run it again", report);
        Assert.Contains($"--method {method}", report);
        Assert.False(File.Exists(folder.File("run/checkpoint.safetensors")));

        // The adapter beside its base and the merged model are the same model.
        string[] evaluate = ["--data", data, "--limit", "4"];
        var adapter = folder.File("run/adapter");
        var beside = Call.Json(["evaluate", model, "--adapter", adapter, .. evaluate]).GetProperty("loss").GetDouble();
        var merged = Call.Json(["evaluate", folder.File("run/merged"), .. evaluate]).GetProperty("loss").GetDouble();
        var plain = Call.Json(["evaluate", model, .. evaluate]).GetProperty("loss").GetDouble();
        Assert.Equal(beside, merged, 1e-4);
        Assert.NotEqual(beside, plain, 1e-3);
        Call.Succeeds("merge", model, "--adapter", adapter, "--out", folder.File("merged"));
        Assert.Equal(
            File.ReadAllBytes(folder.File("run/merged/model.safetensors")),
            File.ReadAllBytes(folder.File("merged/model.safetensors")));

        Assert.Equal(2, Call.Json(["evaluate", model, "--data", data, "--metric", "gsm8k", "--limit", "2",
            "--max-tokens", "3", "--answers", folder.File("answers.jsonl")]).GetProperty("problems").GetInt32());
        Assert.Equal(2, File.ReadLines(folder.File("answers.jsonl")).Count());
        Call.Succeeds("export", folder.File("merged"), "--gguf-type", "q8_0", "--out", folder.File("model.gguf"));
        Assert.StartsWith("GGUF", File.ReadAllText(folder.File("model.gguf")));
        if (method == "lora")
        {
            Call.Succeeds(
                "export", model, "--adapter", adapter, "--to", "gguf-lora", "--out", folder.File("adapter.gguf"));
        }

        Assert.NotEmpty(Call.Succeeds("chat", model, "--adapter", adapter, "--prompt", "Hello", "--max-tokens", "3"));
    }

    [Fact]
    public void StoppedRun_SaysHowToGoOn_AndEndsAsIfNeverStopped()
    {
        var (model, data) = (bases.Of("llama3_1"), Problems(20));
        string[] Arguments(string name) => ["finetune", "--model", model, "--data", data, "--out", folder.File(name),
            "--method", "pissa", "--rank", "2", "--steps", "6", "--batch", "2", "--eval-every", "3"];
        Call.Succeeds(Arguments("whole"));

        using var stop = new CancellationTokenSource();
        using var watcher = new FileSystemWatcher(Directory.CreateDirectory(folder.File("stopped")).FullName);
        watcher.Created += (_, file) => Stop(file.Name!);
        watcher.Renamed += (_, file) => Stop(file.Name!);
        watcher.EnableRaisingEvents = true;
        var call = Call.Run(stop.Token, [.. Arguments("stopped"), "--checkpoint-every", "1"]);
        if (call.Code == 130)
        {
            Assert.Contains("go on with: marrow finetune --model", call.Error);
            Assert.Contains("a run that was stopped lies there", Call.Fails(
                [.. Arguments("stopped"), "--checkpoint-every", "1"]));
            Assert.Contains("started with another Options", Call.Run(
                [.. Arguments("stopped"), "--resume", "--checkpoint-every", "1", "--seed", "2"]).Error);
            Call.Succeeds([.. Arguments("stopped"), "--resume", "--checkpoint-every", "1"]);
        }

        Assert.Equal(
            File.ReadAllBytes(folder.File("whole/adapter/adapter_model.safetensors")),
            File.ReadAllBytes(folder.File("stopped/adapter/adapter_model.safetensors")));

        void Stop(string name)
        {
            if (name.StartsWith("checkpoint", StringComparison.Ordinal))
            {
                stop.Cancel();
            }
        }
    }

    [Fact]
    public void FullFineTuning_SavesAModel()
    {
        var model = bases.Of("llama3_1");
        File.WriteAllText(folder.File("text.txt"), string.Join(' ', Enumerable.Repeat("one two three", 200)));
        Call.Succeeds("finetune", "--model", model, "--data", folder.File("text.txt"), "--method", "full", "--steps",
            "2", "--batch", "2", "--context", "16", "--out", folder.File("run"));
        Assert.True(File.Exists(folder.File("run/merged/model.safetensors")));
        Assert.False(Directory.Exists(folder.File("run/adapter")));
    }

    [Theory]
    [InlineData("there is no such file or folder", "--model", "/nope")]
    [InlineData("did you mean 'lora'?", "--method", "lroa")]
    [InlineData("[Lora] Rank 99 at layer", "--method", "lora", "--rank", "99")]
    [InlineData("[Bone] BlockSize 5 does not divide", "--method", "bone", "--block-size", "5")]
    [InlineData("--rank means nothing to the method bone", "--method", "bone", "--rank", "4")]
    [InlineData("--alpha means nothing to the method bone", "--method", "bone", "--alpha", "4")]
    [InlineData("[Bone] Form Row has no Dropout", "--method", "bone", "--block-size", "4", "--dropout", "0.1")]
    [InlineData("Targets '*.q_porj' matches no layer", "--method", "lora", "--targets", "*.q_porj")]
    [InlineData("it cannot be read", "--data", "/nope.jsonl")]
    [InlineData("it cannot be written", "--out", "/dev/null/x")]
    [InlineData("is more than the 512 tokens", "--context", "4096")]
    [InlineData("leaves nothing to predict", "--context", "1")]
    [InlineData("none of its texts is short enough for a context of 2 tokens", "--context", "2")]
    [InlineData("--learning-rate must be above 0 and at most 1, not 'x'", "--learning-rate", "x")]
    [InlineData("it has no checkpoint to resume from", "--resume")]
    [InlineData("did you mean '--method'?", "--metod", "lora")]
    public void WhatDoesNotFit_FailsBeforeAnyTraining(string part, params string[] options)
    {
        var given = new Dictionary<string, string[]>
        {
            ["--model"] = [bases.Of("llama3_1")],
            ["--data"] = [Problems(4)],
            ["--method"] = ["lora"],
            ["--out"] = [folder.File("run")],
        };
        foreach (var name in options.Where(option => option.StartsWith("--", StringComparison.Ordinal)))
        {
            given[name] = [.. options.SkipWhile(option => option != name).Skip(1).TakeWhile(option =>
                !option.StartsWith("--", StringComparison.Ordinal))];
        }

        var call = Call.Run(["finetune", .. given.SelectMany(option => option.Value.Prepend(option.Key))]);
        Assert.Equal(1, call.Code);
        Assert.Contains(part, call.Error);
        Assert.DoesNotContain("   at ", call.Error);
        Assert.DoesNotContain("step 1", call.Output);
    }

    [Theory]
    [InlineData("merge needs --adapter", "merge", "{base}", "--out", "{out}")]
    [InlineData("there is no adapter_config.json", "merge", "{base}", "--adapter", "/nope", "--out", "{out}")]
    [InlineData("it is there and not empty", "merge", "{base}", "--adapter", "{adapter}", "--out", "{base}")]
    [InlineData("means nothing to --to safetensors", "export", "{base}", "--to", "safetensors", "--gguf-type", "q8_0",
        "--out", "{out}")]
    [InlineData("name its folder with --adapter", "export", "{base}", "--to", "gguf-lora", "--out", "{out}")]
    [InlineData("--metric 'gms8k' is not known; did you mean 'gsm8k'?", "evaluate", "{base}", "--data", "{data}",
        "--metric", "gms8k")]
    [InlineData("--stride means nothing to --metric gsm8k", "evaluate", "{base}", "--data", "{data}", "--metric",
        "gsm8k", "--stride", "4")]
    public void OtherVerbs_CheckFirst(string part, params string[] arguments)
    {
        Directory.CreateDirectory(folder.File("adapter"));
        File.WriteAllText(folder.File("adapter/adapter_config.json"), "{}");
        var values = new Dictionary<string, string>
        {
            ["{base}"] = bases.Of("llama3_1"),
            ["{out}"] = folder.File("out"),
            ["{data}"] = Problems(4),
            ["{adapter}"] = folder.File("adapter"),
        };
        Assert.Contains(part, Call.Fails([.. arguments.Select(word => values.GetValueOrDefault(word, word))]));
    }

    private string Problems(int count)
    {
        var path = folder.File("data.jsonl");
        File.WriteAllLines(path, Enumerable.Range(1, count).Select(i =>
            $$"""{"question":"What is {{i}} + 1?","answer":"{{i}} + 1 = {{i + 1}}\n#### {{i + 1}}"}"""));
        return path;
    }
}
