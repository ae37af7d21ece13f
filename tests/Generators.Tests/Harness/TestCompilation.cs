using Marrow.CompilerServices;
using Marrow.Generators.Methods;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.Extensions.Logging;
using TorchSharp;

namespace Marrow.Generators.Tests.Harness;

/// <summary>Compilations of test sources, as a user's project would make them. No native library is loaded.</summary>
internal static class TestCompilation
{
    private const string Usings = """
        global using System;
        global using System.Collections.Generic;
        global using System.Linq;
        global using Marrow;
        global using static TorchSharp.torch;
        global using static TorchSharp.torch.nn.functional;
        """;

    private static readonly CSharpParseOptions Options = new(LanguageVersion.Preview, DocumentationMode.Diagnose);

    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal)
                || Path.GetFileName(path) is "mscorlib.dll" or "netstandard.dll")
            .Select(path => MetadataReference.CreateFromFile(path)),
        MetadataReference.CreateFromFile(typeof(ModelAttribute).Assembly.Location),
        MetadataReference.CreateFromFile(typeof(LayerBuilder).Assembly.Location),
        MetadataReference.CreateFromFile(typeof(torch).Assembly.Location),
        MetadataReference.CreateFromFile(typeof(ILogger).Assembly.Location),
    ];

    public static MetadataReference ModelsAssembly { get; } =
        MetadataReference.CreateFromFile(typeof(Marrow.Models.Llama).Assembly.Location);

    public static CSharpCompilation Create(string source, params MetadataReference[] more) =>
        Of(OutputKind.DynamicallyLinkedLibrary, Parse(Usings, "Usings.cs"), Parse(source, "Test.cs"))
            .WithReferences([.. References, .. more]);

    /// <summary>Files of a project that references Marrow and its models.</summary>
    public static CSharpCompilation Of(OutputKind kind, params SyntaxTree[] files) => CSharpCompilation.Create(
        "Test",
        files,
        [.. References, ModelsAssembly],
        new CSharpCompilationOptions(kind, nullableContextOptions: NullableContextOptions.Enable, allowUnsafe: true));

    public static SyntaxTree Parse(string source, string path) => CSharpSyntaxTree.ParseText(source, Options, path);

    /// <summary>The driver as the compiler would run it, with its steps recorded.</summary>
    public static GeneratorDriver Driver() => Driver(MethodTable.All);

    /// <summary>The same with other methods.</summary>
    public static GeneratorDriver Driver(MethodTable methods) => CSharpGeneratorDriver.Create(
        [new ModelGenerator(methods).AsSourceGenerator()],
        parseOptions: Options,
        driverOptions: new GeneratorDriverOptions(
            IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    /// <summary>Emits a compilation with its generated code as a reference, for variants in other assemblies.</summary>
    public static MetadataReference Compile(string source, string name)
    {
        var compilation = Create(source).WithAssemblyName(name);
        Driver().RunGeneratorsAndUpdateCompilation(compilation, out var output, out _);
        using var stream = new MemoryStream();
        var result = output.Emit(stream);
        if (!result.Success)
        {
            throw new InvalidOperationException(string.Join("\n", result.Diagnostics));
        }

        return MetadataReference.CreateFromImage(stream.ToArray());
    }
}
