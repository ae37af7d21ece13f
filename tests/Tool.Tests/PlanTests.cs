using System.Runtime.InteropServices;
using Marrow.Language;
using Marrow.Models;
using Marrow.Tests.Tool.Harness;
using Marrow.Tool.Generation;
using Marrow.Tool.Planning;
using Marrow.Tool.Scaffolding;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Tool;

/// <summary><c>marrow plan</c>: its numbers are those of the model that is built.</summary>
public sealed class PlanTests
{
    private const int Batch = 4, Length = 256;

    [Theory]
    [InlineData("full")]
    [InlineData("bone", "--block-size", "16")]
    [InlineData("bone-free", "--block-size", "16")]
    [InlineData("lora", "--rank", "4")]
    [InlineData("dora", "--rank", "4", "--targets", "*.q_proj|*.v_proj")]
    public void Parameters_AreThoseOfTheModel(string method, params string[] options)
    {
        using var tiny = new TinyModel();
        string[] arguments = [tiny.Path, "--method", method, .. options];
        var plan = Call.Json(["plan", .. arguments]);
        using var model = CompiledModel.Create(Call.Succeeds(["scaffold", .. arguments]));
        var parameters = model.Module.parameters().ToList();
        Assert.Equal(parameters.Sum(value => value.numel()), plan.GetProperty("parameters").GetInt64());
        var trained = parameters.Where(value => value.requires_grad).Sum(value => value.numel());
        Assert.Equal(trained, plan.GetProperty("trainable").GetInt64());
        var training = plan.GetProperty("devices").GetProperty("cpu").GetProperty("training");
        Assert.Equal(4 * parameters.Sum(value => value.numel()), training.GetProperty("weights").GetInt64());
        Assert.Equal(4 * trained, training.GetProperty("gradients").GetInt64());
        Assert.Equal(8 * trained, training.GetProperty("optimizer").GetInt64());
    }

    /// <summary>The factor within which the sums of docs/tool.md hold.</summary>
    private const double Factor = 1.3;

    private static readonly DecoderSizes Llama = new(64, 256, 768, 6, 8, 4, Context: Length);

    private static readonly DecoderSizes Gemma = Llama with
    {
        KeyValueHeads = 8,
        Head = 64,
        QkNorms = true,
        PostNorms = true,
    };

    public static TheoryData<string, object> Architectures => new()
    {
        { "full", Llama },
        { "bone-free", Llama },
        { "dora", Llama },
        { "lora", Gemma },
        { "lora", new Gpt2Sizes(64, 256, 6, 8, Length) },
        { "full", new Rwkv6Sizes(64, 256, 896, 6) },
    };

    [Theory]
    [MemberData(nameof(Architectures), DisableDiscoveryEnumeration = true)]
    public void Activations_AreWhatAPassKeeps(string method, object sizes)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "memory is measured as Linux counts it");
        var attributes = FineTuningMethod.ByName[method].Create is { } create ? new[] { create(new(16, 8)) } : [];
        var text = new ScaffoldedClass("Measured", ModelBase.OfSizes(sizes), attributes, []).ToText(null);
        var compilation = ModelCompilation.Of(("Model.cs", text));
        var stop = TestContext.Current.CancellationToken;
        var generated = compilation.Generate(compilation.Models(stop)[0], stop);
        var kept = new KeptActivations(new(generated.Layers), 4, isFused: true, Length);
        var planned = Batch * Length * kept.OfToken(sizes);

        using var model = CompiledModel.Create(text);

        // The process has other threads, whose memory comes and goes: what is off is measured again.
        var measured = Kept(model);
        for (var again = 0; again < 2 && (measured < planned / Factor || measured > planned * Factor); again++)
        {
            measured = Kept(model);
        }

        TestContext.Current.SendDiagnosticMessage(
            $"{method} {sizes.GetType().Name}: planned {planned / 1e6:F0} MB, measured {measured / 1e6:F0} MB");
        Assert.InRange(measured, planned / Factor, planned * Factor);
    }

    [Theory]
    [InlineData("does not divide", "--method", "bone", "--block-size", "7")]
    [InlineData("--length 1000 is more than the model's context of 64 tokens", "--length", "1000")]
    [InlineData("did you mean 'bfloat16'?", "--type", "bfloat15")]
    public void WrongOptions_GetOneSentence(string part, params string[] options)
    {
        using var tiny = new TinyModel();
        Assert.Contains(part, Call.Fails(["plan", tiny.Path, .. options]));
    }

    [Fact]
    public void SevenBillion_ArePlannedFromTheConfigurationAlone()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(
            folder.File("config.json"),
            """
            { "model_type": "llama", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008,
              "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 4096 }
            """);
        var plan = Call.Json("plan", folder.Path, "--method", "bone-free", "--type", "bfloat16");
        Assert.Equal(
            6_738_415_616 + plan.GetProperty("trainable").GetInt64(), plan.GetProperty("parameters").GetInt64());
    }

    /// <summary>How much the process grows by a forward pass whose graph lives.</summary>
    private static long Kept(IModel model)
    {
        var network = (nn.Module<Tensor, Tensor>)model.Module;
        network.train();
        using var scope = NewDisposeScope();
        var ids = randint(0, 64, [Batch, Length]);
        network.call(ids[TensorIndex.Slice(0, 1), TensorIndex.Slice(0, 8)]).sum().backward();
        var before = Resident();
        var loss = network.call(ids).sum();
        var after = Resident();
        loss.backward();
        return after - before;
    }

    /// <summary>Memory of the process that is in use: what was freed goes back to the system first.</summary>
    private static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        _ = malloc_trim(0);
        return Environment.SystemPageSize * long.Parse(
            File.ReadAllText("/proc/self/statm").Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    [DllImport("libc")]
    private static extern int malloc_trim(nint pad);
}
