using System.Collections.Concurrent;
using System.Reflection;
using Scriban;
using Scriban.Parsing;
using Scriban.Runtime;

namespace Marrow.Generators.Emission;

/// <summary>The Scriban templates, embedded in the assemblies of the methods that print them and parsed once.</summary>
internal static class Templates
{
    private static readonly ConcurrentDictionary<string, Template> Parsed = new();

    /// <summary>Renders a template with the properties of <paramref name="view"/> under snake_case names.</summary>
    public static string Render(string name, object view)
    {
        var assembly = view.GetType().Assembly;
        var context = new TemplateContext
        {
            NewLine = "\n",
            LoopLimit = int.MaxValue,
            TemplateLoader = new Loader(assembly),
        };
        var globals = new ScriptObject();
        globals.Import(view);
        context.PushGlobal(globals);
        return Parsed.GetOrAdd(
            $"{assembly.GetName().Name}/{name}",
            _ => Parse(Read(name, assembly), name)).Render(context).Replace("\r\n", "\n");
    }

    private static Template Parse(string text, string name)
    {
        var template = Template.Parse(text, name);
        return template.HasErrors
            ? throw new InvalidOperationException($"Template '{name}': {string.Join("; ", template.Messages)}")
            : template;
    }

    private static string Read(string name, Assembly assembly)
    {
        using var stream = assembly.GetManifestResourceStream(name)
            ?? typeof(Templates).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The generator has no template '{name}'.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Finds the templates that others include.</summary>
    private sealed class Loader(Assembly assembly) : ITemplateLoader
    {
        public string GetPath(TemplateContext context, SourceSpan callerSpan, string templateName) => templateName;

        public string Load(TemplateContext context, SourceSpan callerSpan, string templatePath) =>
            Read(templatePath, assembly);

        public ValueTask<string?> LoadAsync(TemplateContext context, SourceSpan callerSpan, string templatePath) =>
            new(Load(context, callerSpan, templatePath));
    }
}
