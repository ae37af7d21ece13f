using System.Text;
using Xunit;

namespace Marrow.Tests.Packages;

/// <summary>Projects outside the repository that have the packages and nothing else.</summary>
public sealed class PackageTests(PackedMarrow packed)
{
    private const string Application = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <ImplicitUsings>enable</ImplicitUsings>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
          </PropertyGroup>
          <ItemGroup><PackageReference Include="Marrow" Version="MARROW_VERSION" /></ItemGroup>
        </Project>
        """;

    private const string Program = """
        using Marrow;
        using static TorchSharp.torch;

        using var model = new Small();
        model.call(randn(3, 64)).sum().backward();
        Console.WriteLine($"{Small.Plan.TrainableParameters} trainable");

        [Model]
        public partial class Net(int width)
        {
            [Linear(nameof(width), nameof(width))] public partial Linear Up { get; }
            [Forward] private Tensor Network(Tensor x) => Up.call(x).tanh();
        }

        [Bone(BlockSize = 16)] public partial class Small() : Net(64);
        """;

    [Fact]
    public void OneReference_IsEnough_WithoutNullableAndWithWarningsAsErrors()
    {
        var project = packed.Project(("App.csproj", Application), ("Program.cs", Program));
        Assert.Contains("1024 trainable", Succeeds(project, "run"));

        // Natives are loaded where they are, not copied, and other platforms' are left out.
        Assert.True(Directory.GetFiles(project, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length)
            < 30 << 20);
    }

    [Fact]
    public void WrongConfiguration_IsReportedAtItsPlace()
    {
        var project = packed.Project(
            ("App.csproj", Application), ("Program.cs", Program.Replace("BlockSize = 16", "BlockSize = 7")));
        var (code, text) = PackedMarrow.Run(project, "build");
        Assert.NotEqual(0, code);
        var line = Program.Split('\n').Length;
        Assert.Contains($"Program.cs({line},7): error MRW101: [Bone] BlockSize 7 does not divide", text);
    }

    [Fact]
    public void LibraryWithAnArchitecture_AndItsVariantInAnApplication_UnderCentralVersions()
    {
        var project = packed.Project(
            ("Directory.Packages.props", """
                <Project>
                  <PropertyGroup><ManagePackageVersionsCentrally>true</ManagePackageVersionsCentrally></PropertyGroup>
                  <ItemGroup>
                    <PackageVersion Include="Marrow" Version="MARROW_VERSION" />
                    <PackageVersion Include="Marrow.Models" Version="MARROW_VERSION" />
                  </ItemGroup>
                </Project>
                """),
            ("Zoo/Zoo.csproj", """
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup><TargetFramework>net10.0</TargetFramework><Nullable>enable</Nullable></PropertyGroup>
                  <ItemGroup><PackageReference Include="Marrow.Models" /></ItemGroup>
                </Project>
                """),
            ("Zoo/Net.cs", """
                using Marrow;
                using static TorchSharp.torch;

                namespace Zoo;

                [Model]
                public partial class Tower(int width)
                {
                    [Linear(nameof(width), 40)] public partial Linear Down { get; }
                    [Block(40, 32, 48, 1, 2, 1)] public partial Llama Body { get; }
                    [Forward] private Tensor Network(Tensor ids) => Body.call(ids);
                }
                """),
            ("App/App.csproj", """
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <OutputType>Exe</OutputType>
                    <TargetFramework>net10.0</TargetFramework>
                    <ImplicitUsings>enable</ImplicitUsings>
                    <Nullable>enable</Nullable>
                  </PropertyGroup>
                  <ItemGroup><ProjectReference Include="../Zoo/Zoo.csproj" /></ItemGroup>
                </Project>
                """),
            ("App/Program.cs", """
                using Marrow;
                using static TorchSharp.torch;

                using var model = new Tuned();
                Console.WriteLine($"{model.call(tensor(new long[,] { { 1, 2 } })).shape[2]} logits");

                [Lora(Rank = 2)] public partial class Tuned() : Zoo.Tower(8);
                """));
        Assert.Contains("40 logits", Succeeds(Path.Combine(project, "App"), "run"));
    }

    [Theory]
    [InlineData("--method bone --quantize", "adapter/adapter_config.json")]
    [InlineData("--method full", "model/model.safetensors")]
    public void Template_RunsAsItComes(string options, string result)
    {
        var project = packed.Project();
        var hive = $"--debug:custom-hive {Path.Combine(project, "hive")}";
        Succeeds(project, $"new install {packed.Package("Marrow.Templates")} {hive}");
        Succeeds(project, $"new marrow -n my-model {options} {hive}");
        Assert.Contains("new points are classified right", Succeeds(Path.Combine(project, "my-model"), "run"));
        Assert.True(File.Exists(Path.Combine(project, "my-model", result)));
    }

    [Theory]
    [InlineData("bone")]
    [InlineData("pissa")]
    public void FineTuningTemplate_RunsAsItComes(string method)
    {
        var project = packed.Project();
        var hive = $"--debug:custom-hive {Path.Combine(project, "hive")}";
        Succeeds(project, $"new install {packed.Package("Marrow.Templates")} {hive}");
        Succeeds(project, $"new marrow-finetune -n tuned --method {method} {hive}");
        var tuned = Path.Combine(project, "tuned");
        Assert.Contains("step 100 of 100", Succeeds(tuned, "run"));
        Assert.All(
            (string[])["adapter/adapter_config.json", "merged/model.safetensors", "report.html"],
            name => Assert.True(File.Exists(Path.Combine(tuned, name)), name));

        // What it made is a base like any other.
        Assert.Contains("step 100 of 100", Succeeds(tuned, "run -- merged tiny/train.jsonl"));
    }

    [Fact]
    public void Tool_IsInstalledAndLooksAtModels()
    {
        var project = packed.Project(("Model.cs", Program[Program.IndexOf("[Model]", StringComparison.Ordinal)..]
            .Insert(0, "using Marrow;\nusing static TorchSharp.torch;\n")));
        Succeeds(project, $"tool install Marrow.Tool --tool-path tools --version {packed.Version}");
        var marrow = Path.Combine(project, "tools", OperatingSystem.IsWindows() ? "marrow.exe" : "marrow");
        Assert.Contains("inspect", Succeeds(project, "--help", marrow));
        Assert.Contains("class BoneRow16", Succeeds(project, "explain Model.cs", marrow));
        Assert.Contains("class ModelLora", Succeeds(project, $"scaffold {TinyLlama(project)} --method lora", marrow));

        // The loader's own answer: libtorch is in NuGet's cache, where the tests of applications had it fetched.
        Assert.Contains("yes, as Decoder", Succeeds(project, "inspect model", marrow));
        var (code, text) = PackedMarrow.Run(project, "inspect nothing", marrow);
        Assert.Equal((1, "error: nothing: there is no such file or folder; check the path."), (code, text.Trim()));
    }

    /// <summary>A folder of Hugging Face's with a LLaMA of zeros.</summary>
    private static string TinyLlama(string project)
    {
        const string Layer = "model.layers.0.";
        var (shapes, folder) = (new Dictionary<string, int[]>
        {
            ["model.embed_tokens.weight"] = [8, 4],
            ["model.norm.weight"] = [4],
            ["lm_head.weight"] = [8, 4],
            [Layer + "input_layernorm.weight"] = [4],
            [Layer + "post_attention_layernorm.weight"] = [4],
        }, Directory.CreateDirectory(Path.Combine(project, "model")).FullName);
        foreach (var name in new[]
        {
            "self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o", "mlp.gate", "mlp.up", "mlp.down",
        })
        {
            shapes.Add($"{Layer}{name}_proj.weight", [4, 4]);
        }

        var (offset, entries) = (0, new List<string>());
        foreach (var (name, shape) in shapes)
        {
            var end = offset + (4 * shape.Aggregate((product, size) => product * size));
            entries.Add($$"""
                "{{name}}":{"dtype":"F32","shape":[{{string.Join(',', shape)}}],"data_offsets":[{{offset}},{{end}}]}
                """);
            offset = end;
        }

        var header = Encoding.UTF8.GetBytes($"{{{string.Join(',', entries)}}}");
        File.WriteAllBytes(
            Path.Combine(folder, "model.safetensors"),
            [.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[offset]]);
        File.WriteAllText(Path.Combine(folder, "config.json"), """
            { "model_type": "llama", "vocab_size": 8, "hidden_size": 4, "intermediate_size": 4,
              "num_hidden_layers": 1, "num_attention_heads": 1, "max_position_embeddings": 16 }
            """);
        return folder;
    }

    private static string Succeeds(string directory, string arguments, string program = "dotnet")
    {
        var (code, text) = PackedMarrow.Run(directory, arguments, program);
        Assert.True(code == 0, text);
        return text;
    }
}
