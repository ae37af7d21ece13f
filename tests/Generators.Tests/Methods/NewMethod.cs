using System.Reflection;
using System.Runtime.Loader;
using Marrow.CompilerServices;
using Marrow.Generators.Analysis;
using Marrow.Generators.Methods;
using Marrow.Generators.Tests.Harness;
using Marrow.Generators.Tests.Methods.Vera;
using Marrow.Tests.Autograd;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Generators.Tests.Methods;

/// <summary>
/// docs/add-a-method.md, proved: VeRA, an adapter that only these tests know, is checked while typed, generated,
/// gradient-checked, merged, saved and loaded, in folders of its own and with one registration.
/// </summary>
public sealed class NewMethod : IDisposable
{
    private const string Source = """
        namespace Marrow
        {
            [AttributeUsage(AttributeTargets.Class | AttributeTargets.Property)]
            public sealed class VeraAttribute : Attribute
            {
                public object Rank { get; set; } = 4;
                public string? Targets { get; set; }
            }
        }

        namespace Zoo
        {
            [Model]
            public partial class Net(int width, int hidden)
            {
                [Linear(nameof(width), nameof(hidden))] public partial Linear Up { get; }
                [Linear(nameof(hidden), nameof(width), Bias = false)] public partial Linear Down { get; }
                [Forward] private Tensor Network(Tensor x) => Down.call(Up.call(x).tanh());
            }

            [Vera(Rank = 3)] public sealed partial class Small() : Net(6, 5);
            [Vera(Rank = 3), Quantize(Bits = 4)] public sealed partial class Merged() : Net(6, 5);
            [Vera(Rank = 3), Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase)] public sealed partial class Packed()
                : Net(6, 5);
        }
        """;

    private static readonly MethodTable Table =
        MethodTable.All with { Adapters = [.. MethodTable.All.Adapters, new VeraMethod()] };
    private static readonly Lazy<Assembly> Models = new(Compile);
    private readonly string folder = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString());

    public void Dispose()
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task WrongOption_IsReportedOnIt()
    {
        var source = Source.Replace(
            "Rank = 3)] public sealed partial class Small", "Rank = 0)] public sealed partial class Small");
        TestCompilation.Driver(Table).RunGeneratorsAndUpdateCompilation(
            TestCompilation.Create(source, Self), out var output, out _, TestContext.Current.CancellationToken);
        var found = await output.WithAnalyzers([new ModelAnalyzer(Table)], options: null)
            .GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
        Assert.Equal("[Vera] Rank 0 at layer 'up' is not positive; and 1 more layer",
            Assert.Single(found).GetMessage());
    }

    [Theory]
    [InlineData("Small")]
    [InlineData("Packed")]
    public void Gradients_AgreeWithDifferences(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Create(name, ScalarType.Float64);
        Disturb(model);
        var x = randn(3, 6, dtype: float64, requires_grad: true);
        GradCheck.Run(() => Module(model).call(x), [("x", x), .. Trainable(model)]);
    }

    [Theory]
    [InlineData("Small")]
    [InlineData("Merged")]
    [InlineData("Packed")]
    public void Fused_IsThePlainFormula(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Create(name, ScalarType.Float64);
        Disturb(model);
        var difference = model.VerifyAgainstEager(randn(3, 6, dtype: float64));
        Assert.InRange(difference.Output, 0, 1e-12);
        Assert.InRange(difference.LargestGradient, 0, 1e-12);
    }

    [Fact]
    public void Merge_KeepsTheOutput_AndUnmergeGivesTheBaseBack()
    {
        using var scope = NewDisposeScope();
        using var model = Create("Small", ScalarType.Float64);
        Disturb(model);
        var x = randn(3, 6, dtype: float64);
        var (adapted, weight) = (Module(model).call(x), Layer(model).Weight.clone());
        model.Merge();
        Assert.True(Module(model).call(x).allclose(adapted, 1e-12, 1e-12));
        model.Unmerge();
        Assert.True(Layer(model).Weight.equal(weight).all().item<bool>());
    }

    [Fact]
    public void SavedAdapter_IsLoadedByAnotherModelOfTheSameBase()
    {
        using var scope = NewDisposeScope();
        using var model = Create("Small", ScalarType.Float32);
        Disturb(model);
        using var other = Create("Small", ScalarType.Float32);
        foreach (var (name, value) in other.Module.named_parameters().Where(pair => !pair.parameter.requires_grad))
        {
            value.copy_(model.Module.get_parameter(name)!);
        }

        model.SaveAdapter(folder);
        Assert.Contains("\"VERA\"", File.ReadAllText(Path.Combine(folder, "adapter_config.json")));
        other.LoadAdapter(folder);
        var x = randn(3, 6);
        Assert.True(Module(other).call(x).equal(Module(model).call(x)).all().item<bool>());
    }

    [Fact]
    public void Plan_CountsItsParameters()
    {
        using var model = Create("Small", ScalarType.Float32);
        var plan = (ModelPlan)model.GetType().GetProperty("Plan")!.GetValue(null)!;
        Assert.Equal(model.AdapterParameters().Sum(parameter => parameter.numel()), plan.TrainableParameters);
        Assert.Equal("VeRA, rank 3", plan.Rows[0].Adapter);
    }

    private static MetadataReference Self { get; } =
        MetadataReference.CreateFromFile(typeof(VeraSettings).Assembly.Location);

    private static Assembly Compile()
    {
        TestCompilation.Driver(Table).RunGeneratorsAndUpdateCompilation(
            TestCompilation.Create(Source, Self), out var output, out _);
        using var stream = new MemoryStream();
        var result = output.Emit(stream);
        Assert.True(result.Success, string.Join(
            "\n", result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)));
        stream.Position = 0;
        return AssemblyLoadContext.Default.LoadFromStream(stream);
    }

    private static IModel Create(string name, ScalarType type)
    {
        using var construction = Construction.On(CPU, type);
        return (IModel)Activator.CreateInstance(Models.Value.GetType($"Zoo.{name}")!)!;
    }

    private static nn.Module<Tensor, Tensor> Module(IModel model) => (nn.Module<Tensor, Tensor>)model.Module;

    private static AdaptedLinear Layer(IModel model) => model.Module.modules().OfType<AdaptedLinear>().First();

    private static (string Name, Tensor Value)[] Trainable(IModel model) =>
        [.. model.Module.named_parameters().Where(pair => pair.parameter.requires_grad).Select(pair =>
            (pair.name, (Tensor)pair.parameter))];

    /// <summary>Values as after some training: b starts as zeros.</summary>
    private static void Disturb(IModel model)
    {
        using var noGrad = no_grad();
        foreach (var (_, value) in Trainable(model))
        {
            value.add_(randn_like(value), alpha: 0.3);
        }
    }
}
